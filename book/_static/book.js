// The little that a page does beside being read: theme, copying, opening what a link points to.
const root = document.documentElement;

const button = document.querySelector("button.theme");
const other = () => (root.dataset.theme === "dark" ? "light" : "dark");
const label = () => {
  button.textContent = other() === "dark" ? "Dark" : "Light";
  button.setAttribute("aria-label", `${button.textContent} theme`);
};
button.hidden = false;
label();
button.addEventListener("click", () => {
  root.dataset.theme = other();
  label();
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {} // private windows and files may not store
});

const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) {
    fold.open = true;
  }
  target?.scrollIntoView();
};
addEventListener("hashchange", open);
document.addEventListener("click", (event) => {
  if (event.target.closest("a")?.hash === location.hash && location.hash) open();
});
if (location.hash) open();

const contents = document.getElementById("contents"); // over the page on a phone
contents.addEventListener("click", (event) => {
  if (event.target.closest("a") && contents.matches(":popover-open")) contents.hidePopover();
});

// The section that is being read: the one under a line in the upper part of the window.
const reading = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const link = contents.querySelector(`a[href="#${CSS.escape(target.id)}"]`);
      if (isIntersecting) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  },
  { rootMargin: "-20% 0px -80% 0px" },
);
for (const link of contents.querySelectorAll('ul ul a[href^="#"]:not(ul ul ul a)')) {
  const section = document.getElementById(decodeURIComponent(link.hash.slice(1)));
  if (section) reading.observe(section);
}

for (const code of document.querySelectorAll(".cell_input .highlight, article > section .highlight-shell")) {
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "copy";
  copy.textContent = "Copy";
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.querySelector("pre").innerText);
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  });
  code.append(copy);
}
