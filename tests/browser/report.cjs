// Opens a report in the system's Chromium and says what is there, as one JSON object on standard output.
//
// usage: node report.cjs CHROMIUM PAGE FOLDER; pictures of the page go into FOLDER.
"use strict";
const { mkdtempSync, rmSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const DEADLINE = 60_000;

/** What a reader sees, measured in the page. */
function measure() {
  const boxes = (selector) =>
    [...document.querySelectorAll(selector)].map((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x, y, width, height, title: element.querySelector("title")?.textContent ?? "" };
    });
  const text = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
  const filled = (selector) => [...document.querySelectorAll(selector)].map((element) => getComputedStyle(element).fill);
  return {
    title: document.title,
    lanes: boxes("g.lane").length,
    layers: text("svg.layer > title"),
    attempts: boxes("figure rect.attempt"),
    waits: boxes("figure rect.wait"),
    waitFills: filled("figure rect.wait"),
    breaks: boxes("svg.layer g.break rect"),
    breakTitles: text("svg.axis + svg.layer g.break > title"),
    layerBoxes: boxes("svg.layer"),
    skips: boxes("figure path.skip"),
    rows: document.querySelectorAll("table.resources tbody tr").length,
    messages: text("table.failures .message"),
    proof: document.querySelector("section.proof").innerText,
    foreign: document.querySelectorAll("img, script, iframe, object, embed, link, b").length,
    overflow: document.documentElement.scrollWidth > document.documentElement.clientWidth,
    ground: getComputedStyle(document.body).backgroundColor,
  };
}

/** The roles that a screen reader is told. */
async function roles(page) {
  const names = ["table", "img", "heading", "columnheader", "rowheader"];
  const counts = await Promise.all(names.map((name) => page.getByRole(name).count()));
  return Object.fromEntries(names.map((name, place) => [name, counts[place]]));
}

async function look(context, url, folder) {
  const errors = [];
  const requests = [];
  const page = context.pages()[0] ?? (await context.newPage());
  page.on("console", (message) => errors.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("request", (request) => requests.push(request.url()));
  page.setDefaultTimeout(DEADLINE);
  await page.goto(url, { waitUntil: "load" });
  const light = await page.evaluate(measure);
  const spoken = await roles(page);
  await page.screenshot({ path: join(folder, "report.png"), fullPage: true });
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await page.evaluate(measure);
  await page.screenshot({ path: join(folder, "report-dark.png"), fullPage: true });
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 390, height: 800 });
  const narrow = await page.evaluate(measure);
  await page.screenshot({ path: join(folder, "report-narrow.png") });
  const paper = await page.pdf({ path: join(folder, "report.pdf"), preferCSSPageSize: true });
  const others = { darkGround: dark.ground, narrowOverflow: narrow.overflow, paper: paper.length };
  return { ...light, ...others, roles: spoken, errors, requests };
}

async function main([executablePath, file, folder]) {
  const profile = mkdtempSync(join(tmpdir(), "twinctl-browser-"));
  const options = { executablePath, args: FLAGS, headless: true, timeout: DEADLINE, viewport: { width: 1180, height: 900 } };
  try {
    const context = await chromium.launchPersistentContext(profile, options);
    try {
      console.log(JSON.stringify(await look(context, pathToFileURL(file).href, folder)));
    } finally {
      await context.close();
    }
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
