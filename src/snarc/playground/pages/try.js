// The page of `snarc try`: what is asked, when, and where the answers go.

import { bar, opinions, order, sets, variant } from "./answer.js";
import { Sheet } from "./canvas.js";
import { at, percent } from "./dom.js";
import { edge, maps, similar } from "./evidence.js";
import { ask, begin, latest } from "./session.js";

let about = null;
let sheet = null;
let centred = false;
let picture = null;
let answer = null; // the newest, to be painted again in another theme
let boundary = null;
let reading = () => {};
let crossing = () => {};
let later = 0;

function trouble(error) {
  const box = at("trouble");
  box.textContent = error ? error.message : "";
  box.hidden = !error;
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
  order(about, about.classes.map(() => 0));
  sets(about, []);
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
  const name = about.classes[best];
  at("class").textContent = name;
  at("class").classList.toggle("long", name.length > 2);
  at("sure").textContent = `with a probability of ${percent(chances[best])}`;
  [...at("bars").children].forEach((bar) => bar.show(chances[bar.number], found.replicas.map((r) => r[bar.number]), bar.number === best));
  order(about, chances);
  opinions(about, found.replicas);
  sets(about, found.sets);
  at("variants").querySelectorAll("label").forEach((label, k) => label.show(found.variants[k]));
  similar(about, found.neighbours, best);
  maps(about, found.maps);
}

function crossed(found) {
  if (found.empty || sheet.empty) return;
  boundary = found;
  edge(about, found);
}

// ---- the parts that are made once ----------------------------------------------------------------------------------

function build() {
  document.title = `${about.name}: try it`;
  at("title").textContent = about.name;
  const [height, width] = about.size;
  const kind = about.channels === 1 ? "grey" : "colour";
  at("lead").textContent = `Draw, or drop a picture. The network reads ${kind} pictures of ${height} × ${width} pixels and tells ${about.classes.length} classes apart.`;
  centred = about.can_centre;
  const choose = (wanted) => () => {
    centred = wanted;
    if (!sheet.empty) changed(true);
  };
  at("variants").append(variant(about, about.can_centre ? "as drawn" : "fitted", "The whole sheet, made small.", !centred, choose(false)));
  if (about.can_centre) at("variants").append(variant(about, "centred", "Cut to its ink, scaled to a box, and placed by its centre of mass, as the data set was made.", centred, choose(true)));
  at("gets-note").textContent = about.can_centre
    ? "The digits of the data set were scaled to a box and centred by their mass. A network that was not taught to be indifferent to size and place wants yours so, too."
    : "The whole picture, made small.";
  at("bars").append(...about.classes.map((name, k) => bar(k, name)));
  // The column of names is as wide as the longest of them, within reason.
  const longest = Math.max(...about.classes.map((name) => name.length));
  at("bars").style.setProperty("--names", `calc(${Math.min(14, longest)}ch + 0.5em)`);
  at("similar-note").textContent = about.neighbours
    ? `Nearest ${about.neighbours.pixels ? "in their pixels" : "by what the last layer gets"} (${about.neighbours.features} numbers), among ${about.neighbours.examples.toLocaleString("en")} training examples; below each its class and its distance.`
    : about.missing;
  if (about.replicas > 1) at("foot").textContent += " Similar examples, boundary and layers are those of the run's first network.";
  at("colour-row").hidden = about.channels !== 3;
  sheet = new Sheet(at("canvas"), about, changed);
  if (sheet.dark && about.channels === 3) sheet.colour = at("colour").value = "#ffffff";
  nothing();
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
  const again = () => { if (answer) maps(about, answer.maps); if (boundary) crossed(boundary); };
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
