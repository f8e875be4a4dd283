// The answer: what the network gets in each way to fit the drawing, the bars of its probabilities, its prediction sets.
// `about` is what the server tells of the run.

import { paint } from "./canvas.js";
import { at, make, percent } from "./dom.js";

export function bar(k, name) {
  const item = make("li");
  item.number = k;
  const track = make("span", "track");
  const fill = make("span", "fill");
  const ticks = make("span", "ticks");
  const value = make("span", "value", "");
  track.append(fill, ticks);
  const what = make("span", "what", name);
  what.title = name; // where it is cut off
  item.append(what, track, value);
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

// One way to fit the drawing to the network; `chosen` is called when it is taken.
export function variant(about, text, explained, checked, chosen) {
  const label = make("label");
  const input = make("input");
  input.type = "radio";
  input.name = "variant";
  input.checked = checked;
  input.addEventListener("change", chosen);
  const canvas = make("canvas");
  const said = make("span", "reads");
  label.title = explained;
  label.append(input, canvas, make("strong", "", text), said);
  label.clear = () => {
    said.textContent = "";
    [canvas.height, canvas.width] = about.size;
    const on = canvas.getContext("2d");
    on.fillStyle = about.ground === 0 ? "#000" : "#fff";
    on.fillRect(0, 0, canvas.width, canvas.height);
  };
  label.show = (found) => {
    paint(canvas, found.picture);
    const p = found.probabilities;
    const best = p.indexOf(Math.max(...p));
    said.textContent = `${about.classes[best]}, ${percent(p[best])}`;
  };
  label.clear();
  return label;
}

// With many classes the likeliest come first; ten digits stay where they are.
export function order(about, chances) {
  if (about.classes.length <= 12) return;
  const bars = [...at("bars").children].sort((a, b) => chances[b.number] - chances[a.number]);
  bars.forEach((bar, k) => { bar.style.order = k; bar.hidden = k >= 12; });
}

// What each network of the run says, where there are several.
export function opinions(about, replicas) {
  const box = at("opinions");
  box.hidden = replicas.length < 2;
  if (box.hidden) return;
  const votes = replicas.map((r) => about.classes[r.indexOf(Math.max(...r))]);
  const same = new Set(votes).size === 1;
  box.textContent = same
    ? `${votes.length === 2 ? "Both" : `All ${votes.length}`} networks of the run say ${votes[0]}; the bars are their mean, the ticks each of them.`
    : `The ${votes.length} networks of the run disagree: ${votes.join(", ")}. The bars are their mean, the ticks each of them.`;
}

export function sets(about, known) {
  const rows = known.map((one) => {
    const row = make("div", "set");
    row.append(make("span", "promise", `${Math.round(100 * one.coverage)} %`));
    const chips = make("span", "chips");
    if (one.classes.length) one.classes.forEach((k) => chips.append(make("span", "chip", about.classes[k])));
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
