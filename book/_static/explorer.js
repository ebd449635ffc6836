// Plays an Explorer without a kernel: one slider a parameter, one frame a combination of values.
for (const explorer of document.querySelectorAll(".nn-explorer")) {
  const sliders = [...explorer.querySelectorAll("input")];
  const frames = new Map();
  for (const frame of explorer.querySelectorAll(".nn-frame")) frames.set(frame.dataset.at, frame);
  let shown = frames.get(explorer.dataset.start);
  const show = () => {
    for (const slider of sliders) {
      const value = JSON.parse(slider.dataset.values)[slider.value];
      slider.nextElementSibling.textContent = value;
      slider.setAttribute("aria-valuetext", value);
    }
    const frame = frames.get(sliders.map((slider) => slider.value).join());
    shown.hidden = true;
    frame.hidden = false;
    shown = frame;
  };
  explorer.addEventListener("input", show);
  explorer.querySelector(".nn-controls").hidden = false;
  show(); // a reloaded page may have kept where its sliders stood
}
