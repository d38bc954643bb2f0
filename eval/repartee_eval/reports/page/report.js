"use strict";
(() => {
  const form = document.getElementById("filters");
  const cases = [...document.querySelectorAll(".case")];
  const count = document.getElementById("count");
  const none = document.getElementById("none");
  const unfold = document.getElementById("unfold");
  const texts = new Map();

  const textOf = (one) => {
    if (!texts.has(one)) texts.set(one, one.textContent.toLowerCase());
    return texts.get(one);
  };

  const outcomesOf = (one) =>
    one.dataset.outcomes.split(" ").map((pair) => {
      const end = pair.lastIndexOf(":");
      return [pair.slice(0, end), pair.slice(end + 1)];
    });

  const fits = (one, wanted) => {
    const reached = outcomesOf(one).filter(([name]) => !wanted.criterion || name === wanted.criterion);
    if (wanted.outcome === "flagged" ? !one.dataset.flagged : !reached.some(([, way]) => !wanted.outcome || way === wanted.outcome)) return false;
    if (wanted.character && one.dataset.character !== wanted.character) return false;
    if (wanted.depth && one.dataset.depth !== wanted.depth) return false;
    return !wanted.text || textOf(one).includes(wanted.text.toLowerCase());
  };

  const show = () => {
    const wanted = Object.fromEntries(new FormData(form));
    let shown = 0;
    for (const one of cases) {
      one.hidden = !fits(one, wanted);
      shown += one.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${cases.length} cases`;
    none.hidden = shown > 0;
    name();
  };

  const visible = () => cases.filter((one) => !one.hidden);
  const name = () => {
    unfold.textContent = visible().some((one) => one.open) ? "Close shown" : "Open shown";
  };

  const reveal = () => {
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (!target || !target.matches(".case")) return;
    if (target.hidden) {
      form.reset();
      show();
    }
    target.open = true;
    target.scrollIntoView();
  };

  let waiting = 0;
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 120);
  });
  form.addEventListener("reset", () => setTimeout(show));
  form.addEventListener("submit", (event) => event.preventDefault());
  unfold.addEventListener("click", () => {
    const open = visible().some((one) => one.open);
    for (const one of visible()) one.open = !open;
    name();
  });
  document.getElementById("browser").addEventListener("toggle", name, true);
  addEventListener("hashchange", reveal);

  form.hidden = cases.length === 0;
  show();
  reveal();
})();
