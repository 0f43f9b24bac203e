"""Chapter 13's models: a decoder trained by reconstruction, against a discriminator, by both; and a diffusion model."""

from __future__ import annotations

from functools import partial
from typing import Any

from deconvlib.course.recipes import Options, Recipe, Run

LATENT = 32
SIZE = 64  # of the reader's own pictures


class _Pictures:
    """What to train on, and the sizes of the networks for it: the shipped garments, or a folder of pictures."""

    def __init__(self, options: Options) -> None:
        import torch

        from deconvlib.course.generators import garments

        self.own = options.data is not None
        self.widths: tuple[int, ...]
        self._real: Any = None  # features and answers for the test garments
        if options.data is None:
            self.train, self.labels = garments("train")
            self.test, self.test_labels = garments("test")
            self.channels, self.widths, self.size = 1, (32, 64), 28
            return
        from deconvlib.course.folders import image_folder

        self.train = torch.stack([_square(picture) for picture in image_folder(options.data, smallest=SIZE)])
        self.channels, self.widths, self.size = 3, (32, 64, 128, 256), SIZE

    @property
    def start(self) -> int:
        return self.size >> len(self.widths)

    def settings(self) -> dict[str, Any]:
        return {"images": len(self.train), "size": self.size}

    def judged(self, sample: Any, mended: Any = None) -> dict[str, float]:
        """What 2,000 pictures, `sample(count, generator)`, are like; `mended(x)` are reconstructions. Of garments only."""
        import numpy as np
        import torch

        from deconvlib.course.generators import checkerboard_share, judged, sharpness
        from deconvlib.course.metrics import frechet_distance

        if self.own:
            return {}
        made = sample(len(self.test), torch.Generator().manual_seed(1000)).cpu()
        features, answers = judged(made)
        if self._real is None:
            self._real = judged(self.test)
        real, right = self._real
        shares = np.bincount(answers, minlength=10) / len(answers)
        found = {
            "frechet": frechet_distance(features, real),
            "checkerboard": checkerboard_share(made),
            "checkerboard 4": checkerboard_share(made, 4),
            "sharpness": sharpness(made) / sharpness(self.test),
            "least class": float(shares.min()),
            "most class": float(shares.max()),
        }
        if mended is not None:
            back = mended(self.test).cpu()
            found["rmse"] = float((back - self.test).square().mean().sqrt()) / 2  # of pixels from 0 to 1
            found["same class"] = float((judged(back)[1] == right).mean())
            found["sharpness back"] = sharpness(back) / sharpness(self.test)
        return found


def _square(picture: Any) -> Any:
    """A picture uint8 (H, W, 3) as (3, SIZE, SIZE) in [-1, 1]: its middle square, made smaller with antialiasing."""
    import torch
    import torch.nn.functional as F

    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = torch.from_numpy(picture[top : top + side, left : left + side].copy()).permute(2, 0, 1)[None].float()
    smaller = F.interpolate(square, (SIZE, SIZE), mode="bilinear", antialias=True)
    return (smaller[0] / 127.5 - 1).clamp(-1, 1)


def _drawn(decode: Any, latent: int, count: int, generator: Any, device: Any) -> Any:
    """`count` pictures of codes drawn from the prior."""
    import torch

    codes = torch.randn(count, latent, generator=generator).to(device)
    return torch.cat([decode(part) for part in codes.split(500)])


def vae(options: Options, latent: int = LATENT) -> Run:
    import torch

    from deconvlib import ConvVAE, elbo_loss
    from deconvlib.course.training import GradientStep, minibatches

    pictures = _Pictures(options)
    model = ConvVAE(latent, pictures.channels, pictures.widths, pictures.size).to(options.device)
    draws = torch.Generator(options.device).manual_seed(options.seed)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def loss(model: torch.nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
        reconstruction, mean, log_variance = model(x, draws)
        return elbo_loss(reconstruction, x, mean, log_variance)

    step = GradientStep(model, loss, optimizer)
    return Run(
        model=model,
        step=step,
        batches=minibatches(pictures.train, size=64),
        evaluate=lambda: pictures.judged(
            lambda count, generator: _drawn(model.decode, latent, count, generator, options.device),
            lambda x: torch.cat([model.decode(model.encode(part.to(options.device))[0]) for part in x.split(500)]),
        ),
        state={**step.state, "draws": draws},
        settings=pictures.settings(),
    )


def gan(options: Options, kind: str = "transposed 4x4") -> Run:
    import torch

    from deconvlib import DCGANDiscriminator, discriminator_loss, generator_loss
    from deconvlib.course.generators import decoder
    from deconvlib.course.training import minibatches

    pictures = _Pictures(options)
    G = decoder(kind, LATENT, pictures.channels, pictures.widths[::-1], pictures.start).to(options.device)
    D = DCGANDiscriminator(pictures.channels, pictures.widths, pictures.size).to(options.device)
    draws = torch.Generator().manual_seed(options.seed)
    move_g, move_d = (torch.optim.Adam(part.parameters(), 2e-4, betas=(0.5, 0.999)) for part in (G, D))

    def step(x: torch.Tensor) -> dict[str, torch.Tensor]:
        x = x.to(options.device)
        fake = G(torch.randn(len(x), LATENT, generator=draws).to(options.device))
        d_loss = discriminator_loss(D(x), D(fake.detach()))
        move_d.zero_grad()
        d_loss.backward()
        move_d.step()
        D.requires_grad_(False)
        g_loss = generator_loss(D(fake))
        move_g.zero_grad()
        g_loss.backward()
        move_g.step()
        D.requires_grad_(True)
        return {"d": d_loss, "g": g_loss}

    return Run(
        model=G,
        step=step,
        batches=minibatches(pictures.train, size=64),
        evaluate=lambda: pictures.judged(lambda count, generator: _drawn(G, LATENT, count, generator, options.device)),
        state={"G": G, "D": D, "opt G": move_g, "opt D": move_d, "draws": draws},
        settings={**pictures.settings(), "kind": kind},
    )


def vae_gan(options: Options, latent: int = LATENT, gamma: float = 1e-3) -> Run:
    import torch

    from deconvlib import ConvVAE, DCGANDiscriminator, discriminator_loss, generator_loss, kl_divergence
    from deconvlib.course.training import minibatches

    pictures = _Pictures(options)
    model = ConvVAE(latent, pictures.channels, pictures.widths, pictures.size).to(options.device)
    D = DCGANDiscriminator(pictures.channels, pictures.widths, pictures.size).to(options.device)
    draws = torch.Generator().manual_seed(options.seed)
    encoder = [*model.downs.parameters(), *model.code.parameters()]
    decoder = [*model.decoder.parameters()]
    move_e = torch.optim.Adam(encoder, 1e-3)
    move_g, move_d = (torch.optim.Adam(part, 2e-4, betas=(0.5, 0.999)) for part in (decoder, D.parameters()))

    def step(x: torch.Tensor) -> dict[str, torch.Tensor]:
        x = x.to(options.device)
        mean, log_variance = model.encode(x)
        noise = torch.randn(2 * len(x), latent, generator=draws).to(options.device)
        codes = mean + (log_variance / 2).exp() * noise[: len(x)]
        # One pass for the reconstructions and for pictures of codes that are drawn.
        made = model.decode(torch.cat((codes, noise[len(x) :])))
        back, drawn = made.split(len(x))

        d_loss = discriminator_loss(D(x), D(made.detach()))
        move_d.zero_grad()
        d_loss.backward()
        move_d.step()

        D.requires_grad_(False)
        kl = kl_divergence(mean, log_variance).mean()
        with torch.no_grad():
            target = D.features(x)
        seen = D.features(made)
        like = (seen[: len(x)] - target).square().sum(dim=(1, 2, 3)).mean() / 2
        g_loss = generator_loss(D.classifier(seen.flatten(1)).squeeze(1))
        # The encoder learns from what was kept and from the prior; the decoder also from the discriminator.
        for_encoder = torch.autograd.grad(kl + like, encoder, retain_graph=True)
        for_decoder = torch.autograd.grad(gamma * like + g_loss, decoder)
        for parameter, gradient in zip([*encoder, *decoder], [*for_encoder, *for_decoder], strict=True):
            parameter.grad = gradient
        move_e.step()
        move_g.step()
        D.requires_grad_(True)
        return {"d": d_loss, "g": g_loss, "kl": kl, "like": like}

    return Run(
        model=model,
        step=step,
        batches=minibatches(pictures.train, size=64),
        evaluate=lambda: pictures.judged(
            lambda count, generator: _drawn(model.decode, latent, count, generator, options.device),
            lambda x: torch.cat([model.decode(model.encode(part.to(options.device))[0]) for part in x.split(500)]),
        ),
        state={"model": model, "D": D, "opt E": move_e, "opt G": move_g, "opt D": move_d, "draws": draws},
        settings={**pictures.settings(), "gamma": gamma},
    )


def diffusion(options: Options) -> Run:
    import torch

    from deconvlib.course.generators import NoiseUNet, ddim, signal_share
    from deconvlib.course.training import GradientStep, minibatches, warmup_cosine

    pictures = _Pictures(options)
    size = 64
    model: Any = NoiseUNet(pictures.channels).to(options.device)
    model = model.to(memory_format=torch.channels_last)
    draws = torch.Generator().manual_seed(options.seed)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=1e-3)
    steps = options.epochs * -(-len(pictures.train) // size)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995))

    def loss(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        # Times spread evenly over a batch: less luck in the loss.
        t = ((torch.arange(len(x)) + torch.rand(len(x), generator=draws)) / len(x)).to(x.device)
        noise = torch.randn(x.shape, generator=draws).to(x.device)
        share = signal_share(t)[:, None, None, None]
        found = model((share.sqrt() * x + (1 - share).sqrt() * noise).contiguous(memory_format=torch.channels_last), t)
        return (found - noise).square().mean()

    def sample(count: int, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn(count, pictures.channels, pictures.size, pictures.size, generator=generator)
        return torch.cat([ddim(average.module, part.to(options.device), 10) for part in noise.split(500)])

    step = GradientStep(model, loss, optimizer, warmup_cosine(optimizer, steps), average, clip=1.0)
    return Run(
        model=average.module,
        step=step,
        batches=minibatches(pictures.train, size=size),
        evaluate=lambda: pictures.judged(sample),
        state={**step.state, "draws": draws},
        settings=pictures.settings(),
    )


_DATA = f"the 12,000 shipped garments; --data: a folder of pictures of at least {SIZE} pixels each way, such as faces"
_GARMENTS = "the 12,000 shipped garments"

RECIPES = [
    Recipe("vae", "chapter 13's ConvVAE, 32 numbers in a code", _DATA, 8, vae, own_data=True, shipped="int8"),
    Recipe("gan", "chapter 13's DCGAN, transposed 4 x 4", _DATA, 8, gan, own_data=True, shipped="int8"),
    Recipe("vae-gan", "a ConvVAE trained with a discriminator", _DATA, 8, vae_gan, own_data=True, shipped="int8"),
    Recipe("vae-plane", "the VAE, 2 numbers in a code", _GARMENTS, 4, partial(vae, latent=2), shipped="int8"),
    Recipe(
        "vae-gan-plane", "the VAE-GAN, 2 numbers in a code", _GARMENTS, 4, partial(vae_gan, latent=2), shipped="int8"
    ),
    Recipe("gan-3x3", "the DCGAN, 3 x 3", _GARMENTS, 4, partial(gan, kind="transposed 3x3")),
    Recipe("gan-resize", "the DCGAN, resized", _GARMENTS, 4, partial(gan, kind="resize")),
    Recipe("gan-subpixel", "the DCGAN, sub-pixel", _GARMENTS, 4, partial(gan, kind="sub-pixel")),
    Recipe("diffusion", "a small diffusion model", _DATA, 6, diffusion, own_data=True, shipped="int8"),
]
