// The page viewer: scrolls to the chosen box, zooms, and listens to keys.
const steps = [1, 1.4, 2, 2.8];
let zoom = 0;
let wide = false;
const resize = () => {
  const paper = element.querySelector('.sv-paper');
  if (paper) paper.style.width = `${100 * steps[zoom]}%`;
  element.querySelector('.sv-page')?.classList.toggle('sv-wide', wide);
};
const showBox = () => {
  const sheet = element.querySelector('.sv-sheet');
  const mark = element.querySelector('.sv-chosen');
  if (!sheet) return;
  sheet.scrollTop = mark ? Math.max(0, mark.offsetTop - sheet.clientHeight / 4) : 0;
  sheet.scrollLeft = mark ? Math.max(0, mark.offsetLeft - sheet.clientWidth / 4) : 0;
  element.querySelector('.sv-side .sv-here')?.scrollIntoView({ block: 'nearest' });
};
let document_name = '';
const whenDrawn = () => {
  const image = element.querySelector('.sv-sheet img');
  const name = element.querySelector('.sv-where .sv-name')?.textContent ?? '';
  if (name !== document_name) zoom = 0;  // how large one document is read says nothing of the next
  document_name = name;
  if (!image) return;
  const turn = element.querySelector('[data-turn]');
  turn.value = turn.defaultValue;  // the page that is shown, whatever was typed
  resize();
  if (image.complete && image.naturalWidth) showBox(); else image.onload = showBox;
};
const zoomBy = (step) => {
  zoom = Math.min(steps.length - 1, Math.max(0, zoom + step));
  resize();
  showBox();
};
const local = {
  'zoom-in': () => zoomBy(1),
  'zoom-out': () => zoomBy(-1),
  expand: () => { wide = !wide; resize(); showBox(); },
};
element.addEventListener('click', (event) => {
  local[event.target.closest('[data-local]')?.dataset.local]?.();
});
element.addEventListener('change', (event) => {
  if (event.target.matches('[data-turn]')) trigger('click', { action: 'turn', value: event.target.value });
});
whenDrawn();
watch('value', whenDrawn);
const press = (selector) => element.querySelector(selector)?.click();
document.addEventListener('keydown', (event) => {
  if (!element.isConnected || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input, textarea, select, [role=listbox]')) {
    return;
  }
  const keys = {
    ArrowLeft: () => press('header [data-action=turn]'),
    ArrowRight: () => press('header [data-action=turn] + [data-action=turn]'),
    n: () => press('[data-action=piece]:last-child'),
    p: () => press('[data-action=piece]'),
    '+': () => zoomBy(1),
    '-': () => zoomBy(-1),
    w: () => press('[data-local=expand]'),
    Escape: () => { if (wide) press('[data-local=expand]'); else press('[data-action=close]'); },
  };
  keys[event.key]?.();
});
