// Hands on VS Code in a headless browser. Reads one JSON command per line and answers each
// with a line: {"open": URL} {"press": KEY} {"type": TEXT} {"insertText": TEXT} {"paste": TEXT} {"text": SELECTOR}.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { chromium } = createRequire(`${process.env.PLAYWRIGHT}/`)('playwright-core');
const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
const context = await browser.newContext({
  viewport: { width: 1200, height: 800 }, permissions: ['clipboard-read', 'clipboard-write'] });
const page = await context.newPage();
page.setDefaultTimeout(120_000);

const commands = {
  open: async (url) => {
    await page.goto(url);
    await page.waitForSelector('.monaco-workbench');
  },
  press: (key) => page.keyboard.press(key),
  type: (text) => page.keyboard.type(text),
  insertText: (text) => page.keyboard.insertText(text),
  paste: async (text) => {
    await page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
    await page.keyboard.press('Control+KeyV');
  },
  text: (selector) => page.locator(selector).allInnerTexts(),
  picture: (path) => page.screenshot({ path }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [[name, value]] = Object.entries(JSON.parse(line));
  try {
    console.log(JSON.stringify({ done: (await commands[name](value)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ failed: String(error) }));
  }
}
await browser.close();
