"use strict";
(() => {
  const root = document.documentElement;

  // Light or dark: the system's choice until the button is pressed.
  const toggle = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => toggle.setAttribute("aria-pressed", String(isDark()));
  toggle.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    tell();
  });
  system.addEventListener("change", tell);
  toggle.hidden = false;
  tell();

  // A chart says what is pointed at, or what the arrow keys have reached.
  for (const stage of document.querySelectorAll(".stage")) {
    const says = stage.parentElement.querySelector(".says");
    const resting = says.textContent;
    const pieces = [...stage.querySelectorAll(".piece")];
    const text = (piece) => piece.querySelector("title").textContent;
    pieces.sort((a, b) => a.getBoundingClientRect().left - b.getBoundingClientRect().left);
    let at = -1;
    const reach = (index) => {
      if (pieces[at]) pieces[at].classList.remove("reached");
      at = index;
      if (pieces[at]) pieces[at].classList.add("reached");
      says.textContent = pieces[at] ? text(pieces[at]) : resting;
    };
    stage.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: pieces.length - 1, Escape: -1 };
      if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      reach(event.key === "Escape" ? -1 : Math.min(Math.max(steps[event.key], 0), pieces.length - 1));
    });
    stage.addEventListener("blur", () => reach(-1));
    stage.addEventListener("pointerover", (event) => {
      const piece = event.target.closest(".piece");
      if (piece) says.textContent = text(piece);
    });
    stage.addEventListener("pointerleave", () => {
      says.textContent = pieces[at] ? text(pieces[at]) : resting;
    });
  }

  // The event list shows the rows that hold what was typed.
  for (const filter of document.querySelectorAll("input[type=search]")) {
    const rows = [...document.getElementById(filter.dataset.rows).rows];
    const count = document.getElementById(filter.dataset.count);
    filter.addEventListener("input", () => {
      const wanted = filter.value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        row.hidden = !row.textContent.toLowerCase().includes(wanted);
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = wanted ? `${shown} of ${rows.length} events` : `${rows.length} events`;
    });
  }
})();
