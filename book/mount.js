// Brings the explorers of a page to life, with no kernel: each is the module that anywidget loads in a notebook, given
// a small model of its own. Classic scripts all of them, because a browser refuses modules on a page opened from disk.
(() => {
  "use strict";

  function localModel(state) {
    const listeners = {};
    return {
      get: (name) => state[name],
      set(name, value) {
        if (state[name] === value) return;
        state[name] = value;
        for (const listener of listeners[`change:${name}`] ?? []) listener();
      },
      save_changes() {},
      on: (event, listener) => (listeners[event] ??= []).push(listener),
      off(event, listener) {
        listeners[event] = (listeners[event] ?? []).filter((other) => other !== listener);
      },
    };
  }

  for (const element of document.querySelectorAll(".deconv-explorer[data-explorer]")) {
    const { explorer, state, mounted } = element.dataset;
    const widget = globalThis.deconvExplorers?.[explorer];
    if (mounted !== undefined || !widget) continue;
    element.dataset.mounted = "";
    widget.render({ model: localModel(JSON.parse(state)), el: element });
  }
})();
