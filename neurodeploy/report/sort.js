// A click on a column's title sorts its table; a second one turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  table.querySelectorAll("thead th").forEach((title, column) => {
    title.tabIndex = 0;
    const value = (row) => {
      const cell = row.cells[column];
      if (cell.dataset.order !== undefined) return Number(cell.dataset.order);
      const text = cell.childNodes.length ? cell.childNodes[0].textContent.trim() : "";
      const number = Number(text.replace(/,/g, "").replace(/ [%×]$/, ""));
      return text !== "" && Number.isFinite(number) ? number : text;
    };
    const compare = (a, b) =>
      typeof a === "number" && typeof b === "number" ? a - b
      : typeof a === "number" ? -1 : typeof b === "number" ? 1 : a.localeCompare(b);
    const sort = () => {
      const turn = title.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      for (const other of title.parentNode.cells) other.removeAttribute("aria-sort");
      title.setAttribute("aria-sort", turn === 1 ? "ascending" : "descending");
      const rows = [...body.rows].filter((row) => row.cells[0].textContent.trim() !== "Total");
      const total = [...body.rows].filter((row) => !rows.includes(row));
      rows.sort((a, b) => turn * compare(value(a), value(b)));
      body.append(...rows, ...total);
    };
    title.addEventListener("click", sort);
    title.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
    });
  });
}
