"use strict";
for (const figure of document.querySelectorAll('figure[data-script="scatter"]')) {
  const plane = figure.querySelector(".plane"), svg = plane.querySelector("svg");
  const dots = [...svg.querySelectorAll(".dots path")], sheet = figure.querySelector(".sheet");
  const { width: wide, height: high, columns } = Object.fromEntries(
    Object.entries(figure.dataset).map(([name, value]) => [name, Number(value)]));
  const at = dots.map((dot) => {
    const box = dot.getBBox();
    return [box.x + box.width / 2, box.y + box.height / 2];
  });
  // The browser's own titles would stand beside ours.
  const words = dots.map((dot) => {
    const title = dot.querySelector("title"), text = title.textContent;
    title.remove();
    return text;
  });
  const chosen = new Set();
  let current = -1, pinned = false;

  const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  ring.setAttribute("class", "ring");
  ring.setAttribute("r", "8");
  ring.setAttribute("visibility", "hidden");
  svg.append(ring);
  const shown = document.createElement("div");
  shown.className = "shown";
  shown.hidden = true;
  shown.setAttribute("role", "status");
  const canvas = sheet ? document.createElement("canvas") : null;
  if (canvas) {
    canvas.width = wide;
    canvas.height = high;
    const times = Math.max(1, Math.floor(128 / Math.max(wide, high)));
    canvas.style.width = `${wide * times}px`;
    shown.append(canvas);
  }
  const name = document.createElement("b"), detail = document.createElement("span");
  shown.append(name, detail);
  plane.append(shown);
  const how = document.createElement("p");
  how.className = "note how";
  how.textContent = "Point at a dot, or touch it, to see the example; with the keyboard: Tab, then the arrow keys." +
    (figure.querySelector("li[data-group]") ? " The names below the picture single out their dots." : "");
  figure.append(how);
  figure.classList.add("live");
  svg.setAttribute("role", "application");

  const open = (k) => !chosen.size || chosen.has(dots[k].dataset.group);

  function show(k) {
    current = k;
    const [x, y] = at[k];
    ring.setAttribute("cx", x);
    ring.setAttribute("cy", y);
    ring.setAttribute("visibility", "visible");
    const text = words[k], colon = text.indexOf(": ");
    name.textContent = colon < 0 ? text : text.slice(0, colon);
    detail.textContent = colon < 0 ? "" : text.slice(colon + 2);
    if (canvas) {
      const paint = canvas.getContext("2d");
      paint.clearRect(0, 0, wide, high);
      paint.drawImage(sheet, wide * (k % columns), high * Math.floor(k / columns), wide, high, 0, 0, wide, high);
    }
    shown.hidden = false;
    const box = svg.getBoundingClientRect(), scale = box.width / svg.viewBox.baseVal.width;
    const left = x * scale, top = y * scale, gap = 14;
    const right = left + gap + shown.offsetWidth <= box.width;
    const beside = right ? left + gap : Math.max(0, left - gap - shown.offsetWidth);
    shown.style.left = `${Math.min(beside, Math.max(0, box.width - shown.offsetWidth))}px`;
    shown.style.top = `${Math.max(0, Math.min(top - shown.offsetHeight / 2, box.height - shown.offsetHeight))}px`;
  }

  function hide() {
    shown.hidden = true;
    pinned = false;
    ring.setAttribute("visibility", "hidden");
  }

  // The nearest dot to a place on the screen, within so many pixels.
  function nearest(event, within) {
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
    let best = -1, least = within * scale;
    at.forEach(([a, b], k) => {
      const far = Math.hypot(a - x, b - y);
      if (far < least && open(k)) [best, least] = [k, far];
    });
    return best;
  }

  // The nearest dot in a direction; what lies off to the side counts double.
  function toward(dx, dy) {
    const [x, y] = at[current];
    let best = -1, least = Infinity;
    at.forEach(([a, b], k) => {
      const along = (a - x) * dx + (b - y) * dy, aside = Math.abs((a - x) * dy - (b - y) * dx);
      if (along > 0.05 && along + 2 * aside < least && open(k)) [best, least] = [k, along + 2 * aside];
    });
    return best;
  }

  function middle() {
    const [x, y] = [svg.viewBox.baseVal.width / 2, svg.viewBox.baseVal.height / 2];
    const far = at.map(([a, b], k) => (open(k) ? Math.hypot(a - x, b - y) : Infinity));
    return far.indexOf(Math.min(...far));
  }

  svg.addEventListener("pointermove", (event) => {
    if (event.pointerType !== "mouse") return;
    const k = nearest(event, 14);
    if (k >= 0) {
      pinned = false;
      show(k);
    } else if (!pinned) hide();
  });
  svg.addEventListener("pointerleave", () => pinned || hide());
  svg.addEventListener("click", (event) => {
    const k = nearest(event, 32);
    if (k < 0) return hide();
    show(k);
    pinned = true;
  });
  svg.addEventListener("focus", () => {
    if (!svg.matches(":focus-visible")) return;
    show(current < 0 || !open(current) ? middle() : current);
    pinned = true;
  });
  svg.addEventListener("blur", hide);
  svg.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Escape") return hide();
    if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = current < 0 ? middle() : toward(...way);
    if (next >= 0) show(next);
    pinned = true;
  });

  for (const item of figure.querySelectorAll(".key li[data-group]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...item.childNodes);
    button.setAttribute("aria-pressed", "false");
    item.append(button);
    button.addEventListener("click", () => {
      const on = !chosen.delete(item.dataset.group);
      if (on) chosen.add(item.dataset.group);
      button.setAttribute("aria-pressed", String(on));
      dots.forEach((dot, k) => dot.classList.toggle("faint", !open(k)));
      hide();
    });
  }
}
