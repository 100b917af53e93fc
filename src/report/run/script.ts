/** Browsing of the sample thoughts. What a model or a data set wrote reaches the page as text nodes only. */
export const SCRIPT = `
'use strict';
const samples = JSON.parse(document.getElementById('samples').textContent);
const reader = document.getElementById('reader');
const filters = [...reader.querySelectorAll('select')];
const [previous, next] = reader.querySelectorAll('.place button');
const place = reader.querySelector('.place output');
const view = reader.querySelector('.thought');
let shown = [];
let at = 0;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function section(parent, title, text, className) {
  parent.append(make('h3', '', title));
  const said = make('p', 'said ' + (className || ''), text === '' ? '—' : text);
  said.dir = 'auto';
  parent.append(said);
}

function passes(sample) {
  return filters.every(({ name, value }) =>
    value === '' || (name === 'result' ? (value === 'right') === sample.correct : sample[name] === value));
}

function filter(keep) {
  shown = samples.filter(passes);
  at = Math.max(0, shown.indexOf(keep));
  show();
}

function go(sample) {
  for (const select of filters) {
    if (select.name === 'stage' && select.value !== '') select.value = sample.stage;
    else if (!(select.value === '' || (select.name === 'source' && select.value === sample.source))) select.value = '';
  }
  filter(sample);
}

function show() {
  const sample = shown[at];
  previous.disabled = at === 0;
  next.disabled = at >= shown.length - 1;
  place.textContent = shown.length === 0 ? 'none' : at + 1 + ' of ' + shown.length;
  view.replaceChildren();
  if (sample === undefined) {
    view.append(make('p', 'empty', 'No thought in this sample fits the filters.'));
    return;
  }
  const others = make('div', 'others');
  others.append(make('span', '', sample.source + ', pair ' + sample.pairId + ', order ' + sample.order + ', judged by'));
  for (const other of samples) {
    if (other.pairId !== sample.pairId || other.order !== sample.order || other.source !== sample.source) continue;
    const button = make('button', '', other.stage + (other.correct ? ' ✓' : ' ✗'));
    button.type = 'button';
    button.setAttribute('aria-pressed', String(other === sample));
    button.setAttribute('aria-label', other.stage + (other.correct ? ', right' : ', wrong'));
    button.addEventListener('click', () => {
      go(other);
      view.querySelector('[aria-pressed=true]')?.focus();
    });
    others.append(button);
  }
  view.append(others);
  section(view, 'Instruction', sample.instruction);
  const responses = make('div', 'responses');
  for (const slot of ['A', 'B']) {
    const chosen = (slot === 'A') === (sample.order === 'ab');
    const response = make('div', 'response' + (chosen ? ' chosen' : ''));
    section(response, 'Response ' + slot + (chosen ? ' (the better one)' : ''), sample[slot.toLowerCase()]);
    responses.append(response);
  }
  view.append(responses);
  if (sample.plan !== '') section(view, 'Plan', sample.plan, 'mono');
  if (sample.execution !== '') section(view, 'Execution', sample.execution, 'mono');
  view.append(make('h3', '', 'Verdict'));
  const verdict = make('p', 'said verdict ' + (sample.correct ? 'right' : 'wrong'));
  verdict.textContent = sample.verdict + (sample.correct ? ' ✓ right' : ' ✗ wrong');
  view.append(verdict);
}

for (const select of filters) select.addEventListener('change', () => filter(shown[at]));
previous.addEventListener('click', () => { at--; show(); });
next.addEventListener('click', () => { at++; show(); });
reader.addEventListener('keydown', (event) => {
  if (event.target instanceof HTMLSelectElement || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === 'ArrowLeft' && at > 0) at--;
  else if (event.key === 'ArrowRight' && at < shown.length - 1) at++;
  else return;
  event.preventDefault();
  show();
});
reader.hidden = false;
filter(samples.find((sample) => sample.stage === reader.dataset.first));
`;
