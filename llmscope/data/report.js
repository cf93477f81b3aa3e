(() => {
  "use strict";
  const made = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  // Charts: text of a log reaches the page as text nodes only; the figures stand in the table beside.
  const tip = made("div", "tip");
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);
  const tell = (handler, event, item, value) => {
    tip.hidden = value === null || value === undefined || value === "";
    if (tip.hidden) return;
    tip.textContent = String(value);
    const room = document.documentElement.clientWidth;
    const left = Math.min(event.pageX + 12, window.scrollX + room - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(left, 8)}px`;
    tip.style.top = `${event.pageY + 16}px`;
  };
  const draw = async (plot) => {
    const spec = JSON.parse(plot.querySelector("script").textContent);
    const stage = made("div");
    stage.setAttribute("aria-hidden", "true");
    const said = [...plot.children];
    plot.append(stage);
    try {
      await window.vegaEmbed(stage, spec, {
        mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false, tooltip: tell,
      });
      said.forEach((element) => element.remove());
      plot.dataset.drawn = "yes";
    } catch (error) {
      stage.remove();
      console.error(error);
    }
  };
  const drawAll = async () => {
    for (const plot of document.querySelectorAll(".plot")) await draw(plot);
    document.documentElement.dataset.ready = "yes";
  };

  // Tables: sorted by the figure behind each cell, the unknown last either way.
  const words = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const keyOf = (row, place) => {
    const cell = row.cells[place];
    if (cell.hasAttribute("data-unknown")) return null;
    const value = cell.dataset.v;
    return value === undefined ? cell.textContent : Number.isNaN(Number(value)) ? value : Number(value);
  };
  const compared = (one, other) =>
    typeof one === "number" && typeof other === "number" ? one - other : words.compare(String(one), String(other));
  const sort = (table, heading, place) => {
    const numbers = heading.classList.contains("n");
    const before = heading.getAttribute("aria-sort");
    const first = numbers ? "descending" : "ascending";
    const second = numbers ? "ascending" : "descending";
    const wanted = before === first ? second : first;
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", wanted);
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [keyOf(row, place), row]);
    rows.sort(([one], [other]) => {
      if (one === null || other === null) return (one === null) - (other === null);
      return wanted === "ascending" ? compared(one, other) : compared(other, one);
    });
    body.append(...rows.map(([, row]) => row));
  };
  const sortable = (table) => {
    [...table.tHead.rows[0].cells].forEach((heading, place) => {
      const button = made("button", "", heading.textContent);
      button.type = "button";
      button.addEventListener("click", () => sort(table, heading, place));
      heading.replaceChildren(button);
    });
  };
  let fields = 0;
  const filterable = (table) => {
    const rows = [...table.tBodies[0].rows];
    const tools = made("div", "tools");
    const label = made("label", "", "Filter rows");
    const field = made("input");
    const count = made("output", "", `${rows.length} rows`);
    field.type = "search";
    field.id = `filter-${(fields += 1)}`;
    field.setAttribute("aria-label", `Filter rows of ${table.caption.textContent}`);
    label.htmlFor = field.id;
    count.setAttribute("aria-live", "polite");
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = wanted ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
    });
    tools.append(label, field, count);
    table.parentElement.before(tools);
  };
  const LONG = 12;
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const rows = table.tBodies[0].rows.length;
    if (rows > 1) sortable(table);
    if (rows >= LONG) filterable(table);
  }

  // On paper everything is open.
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")].filter((one) => !one.querySelector("pre"));
    opened.forEach((one) => (one.open = true));
  });
  window.addEventListener("afterprint", () => opened.forEach((one) => (one.open = false)));

  drawAll();
})();
