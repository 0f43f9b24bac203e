// Brings the explorers of a page to life, with no kernel: each is the ES module that anywidget loads in a notebook,
// given a small model of its own. The modules lie beside this file, or where data-esm says.

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

export async function mount(element) {
  const { explorer, esm, state } = element.dataset;
  if (element.dataset.mounted !== undefined) return;
  element.dataset.mounted = "";
  const address = esm ? new URL(esm, document.baseURI) : new URL(`./${explorer}.mjs`, import.meta.url);
  const { default: widget } = await import(address);
  widget.render({ model: localModel(JSON.parse(state)), el: element });
}

await Promise.all([...document.querySelectorAll(".deconv-explorer[data-explorer]")].map(mount));
