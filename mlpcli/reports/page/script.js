// What the page does by itself: a number opens the examples behind it, and a button changes between light and dark.
// Texts are set as text alone, never as HTML; nothing is loaded from anywhere.
"use strict";

function make(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// Light and dark

const theme = document.getElementById("theme");
const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";
const labelTheme = () => { theme.textContent = isDark() ? "Light mode" : "Dark mode"; };

theme.hidden = false;
labelTheme();
prefersDark.addEventListener("change", labelTheme);
theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  labelTheme();
});

// The examples behind a number

const source = document.getElementById("gallery-data");
if (source) gallery(JSON.parse(source.textContent));

function gallery(data) {
  const dialog = document.getElementById("gallery");
  const shown = document.getElementById("examples");
  const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;
  const named = (classes) => classes.map((i) => data.classes[i]).join(" + ") || "none";

  const place = (example) => example.place ?? String(example.index);
  const told = (example) => example.said.filter(([i, share]) => share >= 0.001 || example.truth.includes(i));

  const sheet = new Image();
  if (data.sheet) sheet.src = data.sheet.source;
  const ready = data.sheet ? sheet.decode() : Promise.resolve();

  function picture(number) {
    const { width, height, columns } = data.sheet;
    const canvas = make("canvas");
    canvas.width = width;
    canvas.height = height;
    const x = (number % columns) * width, y = Math.floor(number / columns) * height;
    canvas.getContext("2d").drawImage(sheet, x, y, width, height, 0, 0, width, height);
    return canvas;
  }

  function tile(number) {
    const example = data.examples[number];
    const item = make("li");
    const canvas = picture(number);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `image ${place(example)}, true ${named(example.truth)}`);
    item.append(canvas, make("span", data.place === "file" ? place(example) : `${data.place} ${place(example)}`, "index"));
    for (const [i, share] of told(example)) {
      const line = make("div", `${data.classes[i]} `);
      line.append(make("span", percent(share), "share"));
      item.append(line);
    }
    return item;
  }

  function row(number) {
    const example = data.examples[number];
    const line = make("tr");
    const heading = make("th", place(example));
    heading.scope = "row";
    const said = told(example).map(([i, share]) => `${data.classes[i]} ${percent(share)}`).join(", ");
    line.append(heading);
    for (const text of [named(example.truth), said, ...(example.values || [])]) line.append(make("td", text, "text"));
    return line;
  }

  function table(numbers) {
    const whole = make("table"), head = make("thead"), body = make("tbody"), names = make("tr");
    whole.append(make("caption", "The examples with what the network thought", "heard"), head, body);
    for (const [i, name] of [data.place, "true", "probabilities", ...data.columns].entries()) {
      const heading = make("th", name, i === 0 ? "" : "text");
      heading.scope = "col";
      names.append(heading);
    }
    head.append(names);
    body.append(...numbers.map(row));
    return whole;
  }

  async function open(key) {
    const cell = data.cells[key];
    document.getElementById("gallery-title").textContent = cell.title;
    document.getElementById("gallery-note").textContent = cell.note;
    shown.replaceChildren();
    dialog.showModal(); // Escape closes it, and the focus goes back to the number: the browser's own doing
    shown.scrollTop = 0;
    await ready;
    if (data.sheet) {
      const tiles = make("ul", undefined, "tiles");
      tiles.append(...cell.examples.map(tile));
      shown.replaceChildren(tiles);
    } else {
      shown.replaceChildren(table(cell.examples));
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-cell]");
    if (button) open(button.dataset.cell);
    else if (event.target === dialog || event.target.id === "close") dialog.close();
  });

  // Arrow keys go from number to number of the matrix; the tabulator visits them one by one.
  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key], cell = event.target.closest(".matrix td");
    if (!step || !cell || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = cell.closest("tbody").rows;
    let y = cell.parentNode.rowIndex - 1, x = cell.cellIndex, next = null;
    while (!next) {
      [y, x] = [y + step[0], x + step[1]];
      if (!rows[y] || !rows[y].cells[x]) return;
      next = rows[y].cells[x].querySelector("button");
    }
    event.preventDefault();
    next.focus();
  });
}
