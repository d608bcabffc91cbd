// Uses the page as a person does, in headless Chromium: node page.mjs CHROMIUM URL PICTURE FOLDER
// Asks about a picture, waits for the answers and the maps of attention, and keeps pictures of the page: light, dark, phone. Prints what it saw as JSON.
import puppeteer from 'puppeteer-core';

const [chromium, url, picture, folder] = process.argv.slice(2);
const browser = await puppeteer.launch({ executablePath: chromium, headless: true, args: ['--no-sandbox', '--disable-gpu', '--force-prefers-reduced-motion'] });
try {
  const page = await browser.newPage();
  const faults = [];
  page.on('pageerror', error => faults.push(error.message));
  page.on('console', message => { if (message.type() === 'error') faults.push(message.text()); });
  await page.setViewport({ width: 1280, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
  await page.goto(url, { waitUntil: 'networkidle0' });
  const file = await page.$('#file');
  await file.uploadFile(picture);
  await page.waitForFunction(() => document.querySelectorAll('#answers .card').length > 0
    && document.querySelectorAll('#answers .card img').length === document.querySelectorAll('#answers .card').length, { timeout: 60000 });
  const seen = await page.evaluate(() => ({
    cards: [...document.querySelectorAll('#answers .card')].map(card => ({
      task: card.querySelector('h3').textContent, best: card.querySelector('.name').textContent.replaceAll('\u200b', ''), share: card.querySelector('.share').textContent,
      attention: card.querySelector('img').naturalWidth,
    })),
    status: document.getElementById('status').textContent,
    code: document.getElementById('code').textContent,
    wide: document.documentElement.scrollWidth,
  }));
  await page.screenshot({ path: `${folder}/light.png`, fullPage: true });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
  const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.screenshot({ path: `${folder}/dark.png`, fullPage: true });
  await page.setViewport({ width: 390, height: 844, deviceScaleFactor: 2 });
  const phone = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.screenshot({ path: `${folder}/phone.png`, fullPage: true });
  await page.click('[data-tab=csharp]');
  const csharp = await page.evaluate(() => document.getElementById('code').textContent);
  await page.type('#filter', 'no such task');
  await page.waitForFunction(() => document.getElementById('status').className === 'bad', { timeout: 10000 });
  const nobody = await page.evaluate(() => document.getElementById('status').textContent);
  console.log(JSON.stringify({ ...seen, dark, phone, csharp, nobody, faults }));
} finally {
  await browser.close();
}
