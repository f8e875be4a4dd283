import { ask, begin, latest } from "./session.js";
import { bytes, paint, paintSigned, Sheet, signed } from "./canvas.js";

const at = (id) => document.getElementById(id);
// Nothing is certain: what would be rounded to 100 % is said to be more than 99.9 %.
const percent = (p) => (p > 0.9995 ? "> 99.9 %" : p < 0.0005 ? "0 %" : `${(100 * p).toFixed(1)} %`);

let about = null;
let sheet = null;
let centred = false;
let picture = null;
let answer = null; // the newest, to be painted again in another theme
let boundary = null;
let reading = () => {};
let crossing = () => {};
let later = 0;

function make(kind, name = "", text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

function trouble(error) {
  const box = at("trouble");
  box.textContent = error ? error.message : "";
  box.hidden = !error;
}

function name(k) {
  return about.classes[k];
}

// ---- what is asked -------------------------------------------------------------------------------------------------

function asked() {
  return picture ? { picture, centred } : { lines: sheet.asked(), centred };
}

function rests() {
  if (!later && !reading.busy() && !crossing.busy()) document.querySelector("main").ariaBusy = "false";
}

function changed(last) {
  if (!sheet.preview) picture = null;
  at("undo").disabled = at("clear").disabled = sheet.empty;
  at("hint").hidden = !sheet.empty;
  clearTimeout(later);
  trouble(null);
  later = 0;
  if (sheet.empty) {
    nothing();
    rests();
    return;
  }
  document.querySelector("main").ariaBusy = "true";
  const question = asked();
  // The boundary takes longer; it is looked for when the pen rests.
  later = setTimeout(() => {
    later = 0;
    crossing(question);
  }, last ? 40 : 350);
  reading(question);
}

function nothing() {
  answer = boundary = null;
  at("class").textContent = "?";
  at("sure").textContent = "Nothing is drawn yet.";
  at("opinions").hidden = true;
  for (const bar of at("bars").children) bar.show(0, []);
  at("sets").replaceChildren();
  at("similars").replaceChildren();
  at("maps").replaceChildren();
  at("steps").replaceChildren();
  at("gauge").hidden = true;
  at("edge-said").textContent = "Draw something, and the smallest change that turns the answer is looked for.";
  for (const label of at("variants").querySelectorAll("label")) label.clear();
  document.body.classList.add("blank");
}

// ---- what is shown -------------------------------------------------------------------------------------------------

function shown(found) {
  if (found.empty || sheet.empty) return;
  document.body.classList.remove("blank");
  answer = found;
  const chances = found.variants[found.at].probabilities;
  const best = chances.indexOf(Math.max(...chances));
  at("class").textContent = name(best);
  at("class").classList.toggle("long", name(best).length > 2);
  at("sure").textContent = `with a probability of ${percent(chances[best])}`;
  [...at("bars").children].forEach((bar) => bar.show(chances[bar.number], found.replicas.map((r) => r[bar.number]), bar.number === best));
  order(chances);
  opinions(found);
  sets(found);
  at("variants").querySelectorAll("label").forEach((label, k) => label.show(found.variants[k]));
  similar(found.neighbours, best);
  maps(found.maps);
}

// With many classes the likeliest come first; ten digits stay where they are.
function order(chances) {
  if (about.classes.length <= 12) return;
  const bars = [...at("bars").children].sort((a, b) => chances[b.number] - chances[a.number]);
  bars.forEach((bar, k) => { bar.style.order = k; bar.hidden = k >= 12; });
}

function opinions(found) {
  const box = at("opinions");
  box.hidden = found.replicas.length < 2;
  if (box.hidden) return;
  const votes = found.replicas.map((r) => name(r.indexOf(Math.max(...r))));
  const same = new Set(votes).size === 1;
  box.textContent = same
    ? `${votes.length === 2 ? "Both" : `All ${votes.length}`} networks of the run say ${votes[0]}; the bars are their mean, the ticks each of them.`
    : `The ${votes.length} networks of the run disagree: ${votes.join(", ")}. The bars are their mean, the ticks each of them.`;
}

function sets(found) {
  const rows = found.sets.map((one) => {
    const row = make("div", "set");
    row.append(make("span", "promise", `${Math.round(100 * one.coverage)} %`));
    const chips = make("span", "chips");
    if (one.classes.length) one.classes.forEach((k) => chips.append(make("span", "chip", name(k))));
    else chips.append(make("span", "muted", "no class at all: less sure than it is nearly always"));
    row.append(chips);
    return row;
  });
  const head = make("h3", "", "Prediction sets");
  const note = make("p", "note");
  note.textContent = about.calibration
    ? `Of pictures like those of the data set, so many have their class in the set; calibrated on ${about.calibration.toLocaleString("en")} validation examples.`
    : about.missing || "This run has no validation split, and without examples to calibrate on nothing can be promised. Train with --validation 0.1.";
  at("sets").replaceChildren(head, ...rows, note);
}

function similar(neighbours, best) {
  at("similars").replaceChildren(...neighbours.map((one) => {
    const item = make("li");
    const canvas = paint(make("canvas"), one.picture);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `a training example of ${name(one.label)}`);
    const label = make("span", one.label === best ? "label" : "label other", name(one.label));
    item.append(canvas, label, make("small", "muted", one.distance.toPrecision(3)));
    return item;
  }));
}

function maps(layers) {
  at("maps").replaceChildren(...layers.map((one) => {
    const box = make("div", "layer");
    const shape = one.maps.shape;
    const values = signed(one.maps);
    const path = one.layer.replace(/^body\./, "");
    const head = make("h3", "", path);
    const grid = make("div", shape.length === 3 ? "grid-maps" : "units");
    if (shape.length === 3) {
      const [height, width, count] = shape;
      grid.classList.toggle("few", count <= 12);
      head.append(make("small", "muted", ` ${count} maps of ${height} × ${width}`));
      for (let c = 0; c < count; c++) {
        const canvas = paintSigned(make("canvas"), values, height, width, (k) => k * count + c, 1.6);
        canvas.setAttribute("role", "img");
        canvas.setAttribute("aria-label", `map ${c + 1} of ${path}`);
        grid.append(canvas);
      }
    } else {
      const count = shape[0];
      head.append(make("small", "muted", ` ${count} units`));
      // A strip, broken into as many rows as keep the units visible.
      const columns = count <= 20 ? count : Math.ceil(count / Math.ceil(count / 40));
      const rows = Math.ceil(count / columns);
      const padded = new Int8Array(rows * columns);
      padded.set(values);
      const canvas = paintSigned(make("canvas"), padded, rows, columns, (k) => k, 1.3);
      canvas.style.height = `${rows * (count <= 20 ? 34 : 20)}px`;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${count} units of ${path}`);
      grid.append(canvas);
      if (count === about.classes.length && count <= 20) {
        const names = make("div", "names");
        about.classes.forEach((text) => names.append(make("span", "", text)));
        grid.append(names);
      }
    }
    box.append(head, grid);
    return box;
  }));
}

function crossed(found) {
  if (found.empty || sheet.empty) return;
  boundary = found;
  const said = at("edge-said");
  if (!found.found) {
    at("steps").replaceChildren();
    at("gauge").hidden = true;
    said.textContent = "No boundary was found in 50 steps: the network hardly changes its mind whatever is done to the picture.";
    return;
  }
  const [height, width, channels] = found.change.shape;
  const values = signed(found.change);
  const change = paintSigned(make("canvas"), values, height, width, (k) => k * channels);
  at("steps").replaceChildren(
    step(paint(make("canvas"), found.before), name(found.from)),
    make("span", "sign", "+"),
    step(change, "change", `at most ${Math.round(255 * found.most)} of 255 grey levels`),
    make("span", "sign", "="),
    step(paint(make("canvas"), found.after), name(found.to)),
  );
  const first = about.replicas > 1 ? "the first network" : "the network";
  said.textContent = `About the smallest change that makes ${first} read ${name(found.to)} in place of ${name(found.from)}. Its length is ${found.distance.toFixed(2)}, where 1 is one pixel turned from black to white.`;
  gauge(found);
}

function step(canvas, text, small = "") {
  const box = make("figure");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text);
  const caption = make("figcaption", "", text);
  box.append(canvas, caption);
  if (small) caption.title = small;
  return box;
}

// Where this drawing lies among the distances of known examples: the bar is the middle half of them.
function gauge(found) {
  const box = at("gauge");
  box.hidden = !found.typical;
  if (!found.typical) return;
  const [low, middle, high] = found.typical;
  const far = 1.15 * Math.max(found.distance, 1.3 * high);
  const x = (value) => 6 + (308 * value) / far;
  const svg = box.querySelector("svg");
  const part = (kind, values, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", kind);
    for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };
  const title = at("gauge-title");
  title.textContent = `Distance ${found.distance.toFixed(2)}; the middle half of known examples lies between ${low.toFixed(2)} and ${high.toFixed(2)}.`;
  svg.replaceChildren(
    title,
    part("line", { class: "axis", x1: 6, x2: 314, y1: 16, y2: 16 }),
    part("rect", { class: "usual", x: x(low), y: 11, width: Math.max(2, x(high) - x(low)), height: 10, rx: 5 }),
    part("line", { class: "middle", x1: x(middle), x2: x(middle), y1: 9, y2: 23 }),
    part("circle", { class: "here", cx: x(found.distance), cy: 16, r: 6.5 }),
    part("text", { class: "say", x: 6, y: 40 }, "0"),
    part("text", { class: "say", x: Math.min(250, Math.max(70, (x(low) + x(high)) / 2)), y: 40, "text-anchor": "middle" }, about.calibration ? "half of the validation examples" : "half of the training examples"),
    part("text", { class: "say end", x: 314, y: 40, "text-anchor": "end" }, far.toFixed(1)),
  );
}

// ---- the parts that are made once ----------------------------------------------------------------------------------

function bar(k) {
  const item = make("li");
  item.number = k;
  const track = make("span", "track");
  const fill = make("span", "fill");
  const ticks = make("span", "ticks");
  const value = make("span", "value", "");
  track.append(fill, ticks);
  item.append(make("span", "what", name(k)), track, value);
  item.show = (p, each, best = false) => {
    fill.style.width = `${100 * p}%`;
    value.textContent = each.length ? percent(p) : "";
    item.classList.toggle("best", best);
    ticks.replaceChildren(...(each.length > 1 ? each : []).filter((one) => one > 0.005).map((one) => {
      const tick = make("i");
      tick.style.left = `${100 * one}%`;
      return tick;
    }));
  };
  return item;
}

function variant(k, text, explained) {
  const label = make("label");
  const input = make("input");
  input.type = "radio";
  input.name = "variant";
  input.checked = Boolean(k) === centred;
  input.addEventListener("change", () => {
    centred = k === 1;
    if (!sheet.empty) changed(true);
  });
  const canvas = make("canvas");
  const said = make("span", "reads");
  label.title = explained;
  label.append(input, canvas, make("strong", "", text), said);
  label.clear = () => {
    said.textContent = "";
    paint(canvas, { shape: [...about.size, 1], data: btoa(String.fromCharCode(...new Uint8Array(about.size[0] * about.size[1]).fill(about.ground === 1 ? 255 : about.ground === 0 ? 0 : 255))) });
  };
  label.show = (found) => {
    paint(canvas, found.picture);
    const p = found.probabilities;
    const best = p.indexOf(Math.max(...p));
    said.textContent = `${name(best)}, ${percent(p[best])}`;
  };
  label.clear();
  return label;
}

function build() {
  document.title = `${about.name}: try it`;
  at("title").textContent = about.name;
  const [height, width] = about.size;
  const kind = about.channels === 1 ? "grey" : "colour";
  at("lead").textContent = `Draw, or drop a picture. The network reads ${kind} pictures of ${height} × ${width} pixels and tells ${about.classes.length} classes apart.`;
  centred = about.can_centre;
  at("variants").append(variant(0, about.can_centre ? "as drawn" : "fitted", "The whole sheet, made small."));
  if (about.can_centre) at("variants").append(variant(1, "centred", "Cut to its ink, scaled to a box, and placed by its centre of mass, as the data set was made."));
  at("gets-note").textContent = about.can_centre
    ? "The digits of the data set were scaled to a box and centred by their mass. A network that was not taught to be indifferent to size and place wants yours so, too."
    : "The whole picture, made small.";
  at("bars").append(...about.classes.map((_, k) => bar(k)));
  at("similar-note").textContent = about.neighbours
    ? `Nearest ${about.neighbours.pixels ? "in their pixels" : "by what the last layer gets"} (${about.neighbours.features} numbers), among ${about.neighbours.examples.toLocaleString("en")} training examples; below each its class and its distance.`
    : about.missing;
  if (about.replicas > 1) at("foot").textContent += " Similar examples, boundary and layers are those of the run's first network.";
  at("colour-row").hidden = about.channels !== 3;
  if (about.classes.length > 12) at("bars").classList.add("many");
  sheet = new Sheet(at("canvas"), about, changed);
  if (sheet.dark && about.channels === 3) sheet.colour = at("colour").value = "#ffffff";
  sets({ sets: [] });
  nothing();
  sets({ sets: [] });
}

async function upload(file) {
  if (!file) return;
  trouble(null);
  if (file.size > 10 * 1024 * 1024) {
    trouble(new Error("The picture is larger than 10 MB."));
    return;
  }
  const data = new Uint8Array(await file.arrayBuffer());
  let text = "";
  for (let k = 0; k < data.length; k += 32768) text += String.fromCharCode(...data.subarray(k, k + 32768));
  try {
    const found = await ask("/try/upload", { image: btoa(text) });
    picture = found.picture;
    sheet.show(found.preview);
  } catch (error) {
    trouble(error);
  }
}

function listen() {
  at("undo").addEventListener("click", () => sheet.undo());
  at("clear").addEventListener("click", () => sheet.clear());
  at("width").addEventListener("input", () => {
    sheet.width = at("width").value / 100;
    at("width-shown").textContent = `${at("width").value} %`;
  });
  at("colour").addEventListener("input", () => { sheet.colour = at("colour").value; });
  at("file").addEventListener("change", () => {
    upload(at("file").files[0]);
    at("file").value = "";
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "z") { event.preventDefault(); if (!sheet.empty) sheet.undo(); }
    if (event.key === "Escape" && !sheet.empty) sheet.clear();
  });
  document.addEventListener("paste", (event) => {
    const item = [...(event.clipboardData?.items || [])].find((one) => one.kind === "file");
    if (item) { event.preventDefault(); upload(item.getAsFile()); }
  });
  let depth = 0;
  document.addEventListener("dragenter", (event) => { event.preventDefault(); depth++; document.body.classList.add("over"); });
  document.addEventListener("dragleave", () => { if (--depth <= 0) { depth = 0; document.body.classList.remove("over"); } });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("over");
    upload(event.dataTransfer?.files[0]);
  });
  const again = () => { if (answer) maps(answer.maps); if (boundary) crossed(boundary); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  document.querySelectorAll(".theme input").forEach((one) => one.addEventListener("change", again));
}

async function start() {
  try {
    await begin();
    about = await ask("/try/about");
  } catch (error) {
    trouble(error);
    return;
  }
  reading = latest("/try/read", shown, trouble, rests);
  crossing = latest("/try/boundary", crossed, trouble, rests);
  build();
  listen();
  document.body.classList.add("ready");
}

start();
