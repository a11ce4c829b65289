"use strict";
(() => {
  const PAGE_ROWS = 25;
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("table-data").textContent);

  // The table holds one page of rows at a time, so ten thousand images sort and open at once.
  function startTable() {
    const table = byId("table");
    const body = table.tBodies[0];
    const collator = new Intl.Collator("en", { numeric: true });
    const names = data.names.map((name) => name.toLowerCase());
    const columns = { iou: data.iou, accuracy: data.accuracy, uncertainty: data.uncertainty };
    const shown = ["iou", "accuracy"].concat(data.uncertainty.length ? ["uncertainty"] : []);
    let rows = names.map((_, row) => row);
    let order = { key: "iou", down: false };
    let page = 0;

    // Ranks of names are found once; comparing them again in each sort would be slow.
    const rank = new Array(names.length);
    rows.slice().sort((a, b) => collator.compare(names[a], names[b]) || a - b).forEach((row, place) => { rank[row] = place; });

    function compareRows(a, b) {
      if (order.key === "name") return order.down ? rank[b] - rank[a] : rank[a] - rank[b];
      const values = columns[order.key];
      // Images without a score come last in either direction.
      if ((values[a] < 0) !== (values[b] < 0)) return values[a] < 0 ? 1 : -1;
      return (order.down ? values[b] - values[a] : values[a] - values[b]) || rank[a] - rank[b];
    }

    function addCell(line, kind, className, text) {
      const cell = document.createElement(kind);
      if (className) cell.className = className;
      cell.textContent = text;
      line.append(cell);
      return cell;
    }

    function addRow(row) {
      const line = document.createElement("tr");
      const head = addCell(line, "th", "", "");
      head.scope = "row";
      const name = document.createElement("bdi");
      name.textContent = data.names[row];
      const card = data.cards[row];
      if (card === undefined) head.append(name);
      else {
        const link = document.createElement("a");
        link.href = `#card-${card}`;
        link.append(name);
        head.append(link);
      }
      for (const key of shown) {
        const value = columns[key][row];
        addCell(line, "td", "number", value < 0 ? "–" : (value / 10000).toFixed(3));
      }
      body.append(line);
    }

    function draw() {
      const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
      page = Math.min(Math.max(0, page), pages - 1);
      body.replaceChildren();
      rows.slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS).forEach(addRow);
      byId("page").textContent = `page ${(page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`;
      byId("table-status").textContent = `${rows.length.toLocaleString("en")} of ${names.length.toLocaleString("en")} images`;
      byId("first").disabled = byId("previous").disabled = page === 0;
      byId("next").disabled = byId("last").disabled = page === pages - 1;
      for (const head of table.tHead.rows[0].cells) {
        const direction = order.down ? "descending" : "ascending";
        head.setAttribute("aria-sort", head.dataset.key === order.key ? direction : "none");
      }
    }

    function select() {
      const wanted = byId("filter").value.toLowerCase();
      rows = [];
      for (let row = 0; row < names.length; row += 1) if (names[row].includes(wanted)) rows.push(row);
      rows.sort(compareRows);
      page = 0;
      draw();
    }

    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const same = order.key === head.dataset.key;
        order = { key: head.dataset.key, down: same && !order.down };
        select();
      });
    }
    const turn = (id, change) => byId(id).addEventListener("click", () => { page = change(page); draw(); });
    turn("first", () => 0);
    turn("previous", (now) => now - 1);
    turn("next", (now) => now + 1);
    turn("last", () => Infinity);
    byId("filter").addEventListener("input", select);
    if (data.byClass.length) {
      const choice = byId("by-class");
      data.classes.forEach((name, index) => choice.add(new Option(name, index)));
      choice.addEventListener("change", () => {
        columns.iou = data.byClass[choice.value] || data.iou;
        order = { key: "iou", down: false };
        select();
      });
      byId("class-label").hidden = false;
    }
    byId("table-tools").hidden = byId("pages").hidden = false;
    select();
  }

  // A picture under a layer: the slider says how much of the image is covered.
  function startCompare(card) {
    const compare = card.querySelector(".compare");
    const panels = [...card.querySelectorAll(".panels img")];
    const stage = compare.querySelector(".stage");
    const over = compare.querySelector(".over");
    const cover = compare.querySelector(".cover");
    const layer = compare.querySelector(".layer");
    compare.querySelector(".under").src = panels[0].src;

    function showLayer() {
      const panel = panels[Number(layer.value)];
      over.src = panel.src;
      over.classList.toggle("exact", panel.classList.contains("exact"));
      cover.setAttribute("aria-valuetext", `${cover.value} % covered by ${layer.selectedOptions[0].text.toLowerCase()}`);
    }
    function showCover() {
      stage.style.setProperty("--cover", `${cover.value}%`);
      cover.setAttribute("aria-valuetext", `${cover.value} % covered by ${layer.selectedOptions[0].text.toLowerCase()}`);
    }
    function drag(event) {
      const box = stage.getBoundingClientRect();
      cover.value = Math.round((100 * (event.clientX - box.left)) / box.width);
      showCover();
    }
    stage.addEventListener("pointerdown", (event) => { stage.setPointerCapture(event.pointerId); drag(event); });
    stage.addEventListener("pointermove", (event) => { if (stage.hasPointerCapture(event.pointerId)) drag(event); });
    stage.addEventListener("dragstart", (event) => event.preventDefault());
    cover.addEventListener("input", showCover);
    layer.addEventListener("change", showLayer);
    showLayer();
    showCover();
    compare.hidden = false;
  }

  // One stop of the tab key for the whole matrix; arrow keys move inside it.
  function startMatrix(matrix) {
    const rows = [...matrix.tBodies[0].rows];
    const cells = rows.map((row) => [...row.querySelectorAll("td")]);
    const names = rows.map((row) => row.querySelector("th").textContent.trim());
    const totals = cells.map((row) => row.reduce((sum, cell) => sum + Number(cell.dataset.count), 0));
    let active = cells[0][0];

    function place(cell) {
      const row = cells.findIndex((line) => line.includes(cell));
      return [row, cells[row].indexOf(cell)];
    }
    function read(cell) {
      const [row, column] = place(cell);
      const count = Number(cell.dataset.count);
      const share = totals[row] ? `${((100 * count) / totals[row]).toFixed(2)} % of ${names[row]}` : `${names[row]} never occurs`;
      byId("matrix-readout").textContent =
        `${names[row]} labelled as ${names[column]}: ${count.toLocaleString("en")} pixels, ${share}.`;
    }
    function moveTo(row, column) {
      active.tabIndex = -1;
      active = cells[Math.min(Math.max(0, row), cells.length - 1)][Math.min(Math.max(0, column), cells.length - 1)];
      active.tabIndex = 0;
      active.focus();
    }
    matrix.addEventListener("keydown", (event) => {
      const [row, column] = place(active);
      const steps = {
        ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
        Home: [row, 0], End: [row, cells.length - 1],
      };
      if (!(event.key in steps)) return;
      event.preventDefault();
      moveTo(...steps[event.key]);
    });
    matrix.addEventListener("focusin", (event) => { if (event.target.matches("td")) read(event.target); });
    matrix.addEventListener("pointerover", (event) => { if (event.target.matches("td")) read(event.target); });
    matrix.addEventListener("click", (event) => { if (event.target.matches("td")) moveTo(...place(event.target)); });
  }

  startTable();
  document.querySelectorAll(".card").forEach(startCompare);
  document.querySelectorAll(".matrix").forEach(startMatrix);
})();
