// Plays an Explorer without a kernel: one control a parameter, one frame a combination of values.
for (const explorer of document.querySelectorAll(".nn-explorer")) {
  const controls = [...explorer.querySelectorAll(".nn-controls > *")];
  const sliders = explorer.querySelectorAll("input[type=range]");
  const frames = new Map();
  for (const frame of explorer.querySelectorAll(".nn-frame")) frames.set(frame.dataset.at, frame);
  let shown = frames.get(explorer.dataset.start);
  const show = () => {
    for (const slider of sliders) {
      const value = JSON.parse(slider.dataset.values)[slider.value];
      slider.nextElementSibling.textContent = value;
      slider.setAttribute("aria-valuetext", value);
    }
    const at = controls.map((one) => one.querySelector("[type=range], :checked").value);
    const frame = frames.get(at.join());
    shown.hidden = true;
    frame.hidden = false;
    shown = frame;
  };
  for (const slider of sliders) {
    if (slider.max < 20) slider.style.setProperty("--steps", slider.max); // its marks
  }
  explorer.addEventListener("input", show);
  explorer.querySelector(".nn-controls").hidden = false;
  show(); // a reloaded page may have kept where its controls stood
}
