// Pictures on canvases, and the sheet that one draws on.

export function bytes(packed) {
  const text = atob(packed.data);
  const found = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) found[k] = text.charCodeAt(k);
  return found;
}

export function signed(packed) {
  return new Int8Array(bytes(packed).buffer);
}

// A picture of (height, width, 1 or 3) bytes, a pixel a pixel; the style sheet makes it large.
export function paint(canvas, packed) {
  const [height, width, channels] = packed.shape;
  const values = bytes(packed);
  const image = new ImageData(width, height);
  for (let k = 0; k < width * height; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = values[channels === 3 ? 3 * k + c : k];
    image.data[4 * k + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

export function rgb(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const value = parseInt(text.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

// Signed values from -127 to 127 between two colours of the theme, through that of the paper.
export function paintSigned(canvas, values, height, width, at = (k) => k, gain = 1) {
  const plus = rgb("--c1");
  const minus = rgb("--c2");
  const zero = rgb("--soft");
  const image = new ImageData(width, height);
  for (let k = 0; k < width * height; k++) {
    const value = values[at(k)];
    const share = Math.min(1, gain * Math.abs(value) / 127);
    const end = value > 0 ? plus : minus;
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = zero[c] + share * (end[c] - zero[c]);
    image.data[4 * k + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

export class Sheet {
  // `about` is what the server tells of the run; `changed(last)` is called with every change, `last` when the pen lifts.
  constructor(canvas, about, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.aspect = about.size[1] / about.size[0];
    this.coloured = about.channels === 3;
    this.dark = this.coloured ? about.ground === 0 : about.ground !== 1;
    this.lines = [];
    this.preview = null;
    this.width = 0.08;
    this.colour = "#1b1f24";
    this.pen = null; // of the keyboard: where it is, and whether it is down
    this.line = null;
    canvas.style.aspectRatio = String(this.aspect);
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(kind, () => this.up());
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => { this.pen = null; this.up(); this.draw(); });
    new ResizeObserver(() => this.fit()).observe(canvas);
  }

  get empty() {
    return !this.lines.length && !this.preview;
  }

  fit() {
    const scale = window.devicePixelRatio || 1;
    const width = Math.max(1, Math.round(this.canvas.clientWidth * scale));
    const height = Math.max(1, Math.round(width / this.aspect));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    this.draw();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  start(x, y) {
    this.preview = null;
    this.line = { points: [x, y], width: this.width, colour: this.colour };
    this.lines.push(this.line);
    this.draw();
    this.changed(false);
  }

  extend(x, y) {
    const points = this.line.points;
    // The server takes a bounded number of points; a stroke that is longer goes on as another.
    if (points.length >= 6000) {
      const end = points.slice(-2);
      this.line = { ...this.line, points: end };
      this.lines.push(this.line);
    }
    this.line.points.push(clamp(x), clamp(y));
  }

  down(event) {
    if (event.button !== 0 || this.line) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.pen = null;
    this.pointer = event.pointerId;
    this.start(...this.place(event));
  }

  move(event) {
    if (!this.line || event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const one of events.length ? events : [event]) this.extend(...this.place(one));
    this.draw();
    this.changed(false);
  }

  up() {
    if (!this.line) return;
    this.line = null;
    this.changed(true);
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      event.preventDefault();
      this.pen = this.pen || [0.5, 0.5];
      const size = event.shiftKey ? 0.01 : 0.04;
      this.pen = [clamp(this.pen[0] + size * step[0]), clamp(this.pen[1] + size * step[1])];
      if (this.line) {
        this.extend(...this.pen);
        this.changed(false);
      }
      this.draw();
    } else if (event.key === " ") {
      event.preventDefault();
      this.pen = this.pen || [0.5, 0.5];
      if (this.line) this.up();
      else this.start(...this.pen);
      this.draw();
    }
  }

  undo() {
    if (this.preview) this.preview = null;
    else this.lines.pop();
    this.draw();
    this.changed(true);
  }

  clear() {
    this.lines = [];
    this.line = null;
    this.preview = null;
    this.draw();
    this.changed(true);
  }

  show(packed) {
    this.lines = [];
    this.preview = paint(document.createElement("canvas"), packed);
    this.draw();
    this.changed(true);
  }

  draw() {
    const { width, height } = this.canvas;
    const on = this.canvas.getContext("2d");
    on.fillStyle = this.dark ? "#000" : "#fff";
    on.fillRect(0, 0, width, height);
    if (this.preview) {
      const scale = Math.min(width / this.preview.width, height / this.preview.height);
      const w = this.preview.width * scale;
      const h = this.preview.height * scale;
      on.imageSmoothingEnabled = scale < 4;
      on.drawImage(this.preview, (width - w) / 2, (height - h) / 2, w, h);
    }
    on.lineCap = "round";
    on.lineJoin = "round";
    for (const line of this.lines) {
      on.strokeStyle = this.coloured ? line.colour : this.dark ? "#fff" : "#000";
      on.lineWidth = line.width * Math.max(width, height);
      on.beginPath();
      on.moveTo(line.points[0] * width, line.points[1] * height);
      for (let k = 0; k < line.points.length; k += 2) on.lineTo(line.points[k] * width, line.points[k + 1] * height);
      on.stroke();
    }
    if (this.pen) {
      on.strokeStyle = this.line ? "#d55e00" : "#56b4e9";
      on.lineWidth = Math.max(2, width / 160);
      on.beginPath();
      on.arc(this.pen[0] * width, this.pen[1] * height, (this.width * Math.max(width, height)) / 2 + 2, 0, 7);
      on.stroke();
    }
  }

  // What the server is asked: numbers to four digits, as a screen has no more.
  asked() {
    return this.lines.map((line) => ({
      points: line.points.map((value) => Math.round(value * 1e4) / 1e4),
      width: line.width,
      colour: line.colour,
    }));
  }
}

function clamp(value) {
  return Math.min(1.5, Math.max(-0.5, value));
}
