// Reads one formula a line, {tex, display}; answers {svg, mathml, glyphs, error} on one line.
// argv: the folder of MathJax 3, the macros as JSON.
const [, folder, macros] = process.argv;
const packages = {"[-]": ["noundefined", "noerrors"]}; // a wrong formula is an error, not red text
require(folder + "/node-main.js").init({
  loader: {
    load: ["input/tex-full", "output/svg", "adaptors/liteDOM", "a11y/assistive-mml"],
    paths: {mathjax: folder},
    require,
    versionWarnings: false,
  },
  tex: {macros: JSON.parse(macros), packages},
  svg: {fontCache: "global"},
  startup: {typeset: false},
}).then((MathJax) => {
  const {adaptor, output} = MathJax.startup;
  const short = (text) => text.replace(/MJX-(?:\d+-)?TEX-/g, "mj-");
  const answer = (record) => process.stdout.write(JSON.stringify(record) + "\n");
  const draw = async ({tex, display}) => {
    const box = await MathJax.tex2svgPromise(tex, {display, em: 16, ex: 8, containerWidth: 1280});
    const drawn = adaptor.outerHTML(adaptor.tags(box, "svg")[0]);
    const glyphs = {};
    for (const [, id] of drawn.matchAll(/xlink:href="#([^"]+)"/g)) {
      glyphs[short(id)] = output.fontCache.cache.get(id);
    }
    const error = /data-mjx-error="([^"]*)"/.exec(drawn);
    // In em, not in the ex of whatever font the page falls back to.
    const em = (_, ex) => +(ex * output.font.params.x_height).toFixed(3) + "em";
    const svg = short(drawn)
      .replace(/^<svg[^>]*>/, (head) => head.replace(/(-?[\d.]+)ex/g, em))
      .replace(/ (?:data-mml-node|data-c|data-mjx-texclass|data-variant|xmlns|xmlns:xlink|role|focusable|aria-hidden)="[^"]*"/g, "")
      .replaceAll("xlink:href=", "href=");
    const mathml = adaptor.outerHTML(adaptor.tags(box, "math")[0])
      .replace(/ (?:xmlns|data-mjx-[a-z]+)="[^"]*"/g, "");
    return {svg, mathml, glyphs, error: error && error[1]};
  };
  let queue = Promise.resolve();
  require("readline").createInterface({input: process.stdin}).on("line", (line) => {
    queue = queue.then(() => draw(JSON.parse(line))).catch((e) => ({error: String(e)})).then(answer);
  });
});
