/* The panel "try your own view": the forecast worked out again from the compiled numbers of
   the case whenever an input changes. `solve` is forecast/tree.py over again (its docstring has
   the formulas) and gives the numbers of `forecast.update`; the rest reads the inputs and
   writes text and lengths. Words of the case stay in the page: none is ever made mark-up. */
"use strict";
{
  const solve = (m, { without, assume, judged, ever }) => {
    const theta = [...m.theta];
    for (const [j, p] of judged) theta[j] = p;
    const p = (j) => (j === -1 ? 1 : j === -2 ? 0 : theta[j]);
    const sum = (values) => values.reduce((a, b) => a + b, 0);
    const everyScenario = (value) => m.root.map(() => value);

    // log likelihood of what was said of each node, if it is false and if it is true
    const said = m.parent.map(() => [0, 0]);
    const hear = ([node, ifFalse, ifTrue, fresh], denied, affirmed) => {
      const lam = [ifFalse, ifTrue].map((j) => theta[j] * denied + (1 - theta[j]) * affirmed);
      const stale = ((1 - fresh) * (lam[0] + lam[1])) / 2; // as if it no longer spoke of today
      lam.forEach((x, z) => { said[node][z] += Math.log(fresh * x + stale); });
    };
    const answered = new Set();
    m.events.forEach((event, row) => {
      if (without.has(row)) return;
      const [, , , , denied, affirmed, watch] = event;
      answered.add(watch);
      // what is supposed of a watch stands in place of what was reported of it
      if (!assume.has(watch) || without.has(watch)) hear(event, denied, affirmed);
    });
    m.watches.forEach((watch, i) => {
      const row = m.events.length + i;
      const past = watch[4];
      if (without.has(row)) return;
      if (assume.has(row)) hear(watch, ...(assume.get(row) ? [1, 0] : [0, 1]));
      else if (past && !answered.has(row)) hear(watch, 0, 1); // silence past its day
    });

    // from the leaves to the scenarios: a child comes before the node that it is given
    const table = (value) => m.parent.map(() => [everyScenario(value), everyScenario(value)]);
    const below = table(0);
    const after = table(0); // P(node true | its parent's value u, s, reports)
    const likelihood = everyScenario(0);
    m.parent.forEach((parent, k) => {
      for (const u of [0, 1]) {
        m.root.forEach((_, s) => {
          const [no, yes] = [0, 1].map((z) => said[k][z] + below[k][z][s]);
          const top = Math.max(no, yes); // no overflow, however much has been seen
          const prior = p(m.chance[k][u][s]);
          const isTrue = prior * Math.exp(yes - top);
          const both = (1 - prior) * Math.exp(no - top) + isTrue;
          after[k][u][s] = isTrue / both;
          const lam = top + Math.log(both);
          if (parent >= 0) below[parent][u][s] += lam;
          else if (u === 0) likelihood[s] += lam; // a root has no parent: u makes no difference
        });
      }
    });

    // another base rate scales the held scenarios together, and the others
    const before = sum(m.root.filter((_, s) => m.held[s]));
    const scale = (s) => (ever === null ? 1 : m.held[s] ? ever / before : (1 - ever) / (1 - before));
    const joint = likelihood.map((l, s) => l + Math.log(m.root[s] * scale(s)));
    const top = Math.max(...joint);
    const weight = joint.map((x) => Math.exp(x - top));
    const scenarios = weight.map((x) => x / sum(weight));
    const held = m.by[0].map((_, d) => sum(scenarios.map((x, s) => x * m.by[s][d])));
    const everHeld = sum(scenarios.filter((_, s) => m.held[s]));

    // who comes: the expectation over the tree that he and every body he is part of attend
    const actors = m.needs.map((needed) => {
      const factor = table(1);
      for (const a of needed) {
        m.attends[a].forEach((row, z) => row.forEach((j, s) => { factor[m.place[a]][z][s] *= p(j); }));
      }
      const comes = everyScenario(1);
      m.parent.forEach((parent, k) => {
        for (const u of [0, 1]) {
          m.root.forEach((_, s) => {
            const q = after[k][u][s];
            const mean = (1 - q) * factor[k][0][s] + q * factor[k][1][s];
            if (parent >= 0) factor[parent][u][s] *= mean;
            else if (u === 0) comes[s] *= mean;
          });
        }
      });
      return sum(scenarios.map((x, s) => (m.held[s] ? x * comes[s] : 0))) / everHeld;
    });
    return { held, ever: everHeld, scenarios, actors };
  };

  // rounding, as in forecast/tables.py: whole per cents, never 0 or 100, halves to even
  const whole = (x) => {
    const low = Math.floor(x);
    return x - low > 0.5 || (x - low === 0.5 && low % 2) ? low + 1 : low;
  };
  const shown = (n) => (n <= 0 ? "<1\u00a0%" : n >= 100 ? ">99\u00a0%" : `${n}\u00a0%`);
  const percent = (x) => (x < 0.005 ? 0 : x >= 0.995 ? 100 : whole(100 * x));
  const addUp = (parts, total) => { // largest remainder
    const all = parts.reduce((a, b) => a + b, 0);
    const exact = parts.map((x) => (x * total) / all);
    const out = exact.map(Math.floor);
    const order = [...exact.keys()].sort((a, b) => out[a] - exact[a] - (out[b] - exact[b]));
    order.slice(0, total - out.reduce((a, b) => a + b, 0)).forEach((i) => { out[i] += 1; });
    return out;
  };

  /* Of each result, by the name that its row bears: the probability and its whole per cents. */
  const results = (m, of) => {
    const out = new Map([["ever", [of.ever, percent(of.ever)]]]);
    of.held.forEach((x, i) => out.set(`held.${i}`, [x, percent(x)]));
    of.actors.forEach((x, i) => out.set(`actor.${i}`, [x, percent(x)]));
    const ever = Math.min(Math.max(Math.floor(100 * of.ever + 0.5), 1), 99);
    for (const [side, total] of [[1, ever], [0, 100 - ever]]) {
      const at = [...m.held.keys()].filter((s) => m.held[s] === side);
      const parts = addUp(at.map((s) => of.scenarios[s]), total);
      at.forEach((s, i) => out.set(`scenario.${s}`, [of.scenarios[s], parts[i]]));
    }
    return out;
  };

  const connect = (root, m, i) => {
    const all = (selector, within = root) => [...within.querySelectorAll(selector)];
    const one = (selector, within = root) => within.querySelector(selector);
    const inputs = all("input");
    for (const c of inputs) if (c.type === "radio") c.name += `-${i}`; // a page may have two panels
    const forecast = results(m, solve(m, { without: new Set(), assume: new Map(), judged: new Map(), ever: null }));
    // a range takes its value anew with its ends; and a browser may have remembered another
    const setBack = () => {
      for (const c of inputs) {
        if (c.type === "range") Object.assign(c, { min: 0.01, max: 0.99, step: 0.01 });
        c.checked = c.defaultChecked;
        c.value = c.defaultValue;
      }
    };
    const moved = (c) => (c.type === "range" ? percent(c.value) !== percent(c.defaultValue)
      : c.checked !== c.defaultChecked && (c.type === "checkbox" || c.checked));
    const word = (x) => (m.words.find(([high]) => Math.floor(100 * x + 0.5) / 100 < high) ?? m.words.at(-1))[1];

    const view = () => {
      const v = { without: new Set(), assume: new Map(), judged: new Map(), ever: null };
      for (const c of inputs.filter(moved)) {
        if (c.type === "checkbox") v.without.add(Number(c.dataset.row));
        else if (c.type === "radio") v.assume.set(Number(c.dataset.row), c.value === "seen");
        else if (c.dataset.at === "ever") v.ever = Number(c.value);
        else v.judged.set(Number(c.dataset.at), Number(c.value));
      }
      return v;
    };
    const differs = (c) => {
      const line = document.createElement("li");
      const name = document.createElement("bdi");
      name.textContent = one("[data-name]", c.closest("tr")).textContent;
      const what = { checkbox: "left out: ", radio: c.value === "seen" ? "seen: " : "not seen: " }[c.type];
      line.append(what ?? "", name);
      if (c.type === "range") {
        const small = one("small", c.closest("tr"));
        line.append(small ? `, ${small.textContent}` : "",
          `: ${shown(percent(c.value))}, not ${shown(percent(c.defaultValue))}`);
      }
      return line;
    };
    let says = "";
    const show = (touched = inputs) => {
      const now = results(m, solve(m, view()));
      for (const row of all("[data-out]")) {
        const [x, n] = now.get(row.dataset.out);
        const was = forecast.get(row.dataset.out)[1];
        one(".is", row).textContent = shown(n);
        one(".is", row).classList.toggle("up", n > was);
        one(".is", row).classList.toggle("down", n < was);
        one("rect", row).setAttribute("width", `${Math.max(100 * x, 0.4).toFixed(2)}%`);
        one("svg", row).setAttribute("aria-label",
          `${one("[data-name]", row).textContent}: ${shown(n)}, forecast ${shown(was)}`);
      }
      for (const c of touched) {
        const row = c.closest("tr");
        if (c.type === "range") {
          one("output", row).textContent = `${shown(percent(c.value))}, ${word(c.value)}`;
          c.setAttribute("aria-valuetext", one("output", row).textContent);
        }
        if (c.type !== "radio" || c.checked) row.classList.toggle("changed", moved(c));
      }
      for (const group of new Set(touched.map((c) => c.closest(".try details")).filter(Boolean))) {
        const boxes = all("input[type=checkbox]", group);
        const count = one(".count", group);
        if (count && boxes.length) count.textContent = `${boxes.filter((c) => c.checked).length} of ${boxes.length}`;
        group.classList.toggle("changed", one("tr.changed", group) !== null);
      }
      const changed = inputs.filter(moved);
      const lines = changed.slice(0, 6).map(differs);
      if (changed.length > 6) {
        const rest = document.createElement("li");
        rest.textContent = `and ${changed.length - 6} more`;
        lines.push(rest);
      }
      one(".differs ul").replaceChildren(...lines);
      one(".differs").hidden = changed.length === 0;
      // a change that whole per cents do not show
      const [x, whole_] = now.get(one(".main").dataset.out);
      const [y, was_] = forecast.get(one(".main").dataset.out);
      const tenth = Math.abs(100 * (x - y)).toFixed(1);
      one(".by").textContent = changed.length && whole_ === was_ && tenth !== "0.0"
        ? `, ${x > y ? "+" : "\u2212"}${tenth} points` : "";
      for (const b of all("[data-do=none]")) {
        const group = b.closest(".try details");
        const some = all("input[type=checkbox]", group ?? root).some((c) => c.checked);
        b.textContent = `${some ? "Untick" : "Tick"} ${group ? "these" : "all reports"}`;
      }
      const n = changed.length === 1 ? "1 input differs" : `${changed.length || "No"} inputs differ`;
      one(".how-many").textContent = `${n} from the forecast.`;
      says = `${one(".main .is").textContent} in your view${one(".by").textContent}; ${one(".main .was").textContent} in the forecast. ${n}.`;
    };
    const announce = () => { one("[role=status]").textContent = says; };
    const button = (selector, act) => all(selector).forEach((b) => b.addEventListener("click", () => {
      act(b);
      show();
      announce();
    }));

    root.addEventListener("input", (e) => show([e.target]));
    root.addEventListener("change", announce); // a slider on its way is not read aloud
    button("[data-do=reset]", setBack);
    button("[data-do=none]", (b) => {
      const boxes = all("input[type=checkbox]", b.closest(".try details") ?? root);
      const value = !boxes.some((c) => c.checked);
      boxes.forEach((c) => { c.checked = value; });
    });
    for (const hidden of all("[hidden]")) hidden.hidden = false;
    setBack();
    show();
  };

  const models = [...document.querySelectorAll("script.forecast-panel")].map((x) => JSON.parse(x.textContent));
  document.querySelectorAll(".fx .try").forEach((root, i) => { if (models[i]) connect(root, models[i], i); });
  window.forecastPanel = {
    solve: ({ without = [], assume = [], judged = [], ever = null } = {}, panel = 0) =>
      solve(models[panel], { without: new Set(without), assume: new Map(assume), judged: new Map(judged), ever }),
  };
}
