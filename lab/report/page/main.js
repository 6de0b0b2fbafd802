// Puts the page together. A section that fails says so and leaves the others alone.
const SECTIONS = [
  summarySection, throughputSection, speedupSection, accuracySection, layersSection, ladderSection,
  calibrationSection, scalingSection, energySection, peersSection, serverSection, publishedSection,
  projectedSection, appendixSection, verifySection
];

function noteError(where, error) {
  document.documentElement.dataset.errors += `${where}: ${error.message}\n`;
}

function addSection(root, section) {
  const made = element("section", {id: section.id}, element("h2", {}, section.title));
  root.append(made);
  try {
    made.append(...section.build().flat(3).filter(Boolean));
    for (const drawn of made.querySelectorAll("figure")) drawn.draw();
  } catch (error) {
    noteError(section.id, error);
    made.append(missing(`This section could not be drawn: ${error.message}`));
  }
}

function preparePrint() {
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
    for (const chart of charts)
      chart.resize(
          chart.canvas.closest("figure").matches(":only-child, .wide") ? 680 : 330,
          parseFloat(chart.canvas.parentNode.style.height) || 260);
  });
  window.addEventListener("afterprint", () => {
    for (const details of folded) details.open = false;
    for (const chart of charts) chart.resize();
  });
}

function renderReport() {
  const root = document.getElementById("report");
  try {
    root.append(
        header(),
        element(
            "nav", {"aria-label": "Sections"},
            SECTIONS.map((section) => element("a", {href: `#${section.id}`}, section.title))));
  } catch (error) {
    noteError("header", error);
  }
  for (const section of SECTIONS) addSection(root, section);
  preparePrint();
  document.documentElement.dataset.charts = chartsDrawn;
  document.documentElement.dataset.report = "rendered";
}

renderReport();
