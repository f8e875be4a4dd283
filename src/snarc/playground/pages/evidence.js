// What stands behind the answer: similar examples, the layers, the nearest boundary.
// `about` is what the server tells of the run.

import { paint, paintSigned, signed } from "./canvas.js";
import { at, make } from "./dom.js";

export function similar(about, neighbours, best) {
  at("similars").replaceChildren(...neighbours.map((one) => {
    const item = make("li");
    const canvas = paint(make("canvas"), one.picture);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `a training example of ${about.classes[one.label]}`);
    const label = make("span", one.label === best ? "label" : "label other", about.classes[one.label]);
    item.append(canvas, label, make("small", "muted", one.distance.toPrecision(3)));
    return item;
  }));
}

export function maps(about, layers) {
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

export function edge(about, found) {
  const said = at("edge-said");
  if (!found.found) {
    at("steps").replaceChildren();
    at("gauge").hidden = true;
    said.textContent = "No boundary was found in 50 steps, which does not say that none is near.";
    return;
  }
  const [height, width, channels] = found.change.shape;
  const values = signed(found.change);
  const change = paintSigned(make("canvas"), values, height, width, (k) => k * channels);
  at("steps").replaceChildren(
    step(paint(make("canvas"), found.before), about.classes[found.from]),
    make("span", "sign", "+"),
    step(change, "change", `at most ${Math.round(255 * found.most)} of 255 grey levels`),
    make("span", "sign", "="),
    step(paint(make("canvas"), found.after), about.classes[found.to]),
  );
  const first = about.replicas > 1 ? "the first network" : "the network";
  const unit = about.channels === 3 ? "one colour of one pixel turned from none to full" : "one pixel turned from black to white";
  said.textContent = `About the smallest change that makes ${first} read ${about.classes[found.to]} in place of ${about.classes[found.from]}. Its length is ${found.distance.toFixed(2)}, where 1 is ${unit}.`;
  gauge(about, found);
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
function gauge(about, found) {
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
  title.textContent = `Distance ${found.distance.toFixed(2)}; the middle half of ${about.measured} known examples lies between ${low.toFixed(2)} and ${high.toFixed(2)}.`;
  svg.replaceChildren(
    title,
    part("line", { class: "axis", x1: 6, x2: 314, y1: 16, y2: 16 }),
    part("rect", { class: "usual", x: x(low), y: 11, width: Math.max(2, x(high) - x(low)), height: 10, rx: 5 }),
    part("line", { class: "middle", x1: x(middle), x2: x(middle), y1: 9, y2: 23 }),
    part("circle", { class: "here", cx: x(found.distance), cy: 16, r: 6.5 }),
    part("text", { class: "say", x: 6, y: 40 }, "0"),
    part("text", { class: "say", x: Math.min(250, Math.max(70, (x(low) + x(high)) / 2)), y: 40, "text-anchor": "middle" }, `half of ${about.measured} ${about.calibration ? "validation" : "training"} examples`),
    part("text", { class: "say end", x: 314, y: 40, "text-anchor": "end" }, far.toFixed(1)),
  );
}
