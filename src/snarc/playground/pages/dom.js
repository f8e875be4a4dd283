// The elements of a page, and how numbers are said.

export const at = (id) => document.getElementById(id);

// Nothing is certain: what would be rounded to 100 % is said to be more than 99.9 %.
export const percent = (p) => (p >= 0.9995 ? "> 99.9 %" : p < 0.0005 ? "0 %" : `${(100 * p).toFixed(1)} %`);

export function make(kind, name = "", text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}
