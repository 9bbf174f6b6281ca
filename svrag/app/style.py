"""How the app looks, and the little script that it needs. System fonts only: nothing is fetched from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradio.themes import Base

ON_CLICK = """
const report = (event) => {
  const target = event.target.closest('[data-action]');
  if (!target || target.disabled) return;
  if (target.tagName !== 'BUTTON' && String(window.getSelection())) return;  // selecting words is no click
  const { action, value, confirm: question } = target.dataset;
  if (question && !window.confirm(question)) return;
  if (target.dataset.busy) { target.textContent = target.dataset.busy; target.disabled = true; }
  trigger('click', { action, value });
};
element.addEventListener('click', report);
"""
"""Reports what was clicked as `EventData` with `action` and `value`."""

ON_PAGE = (
    ON_CLICK
    + """
const showBox = () => {
  const sheet = element.querySelector('.sv-sheet');
  const mark = element.querySelector('.sv-chosen');
  if (!sheet) return;
  sheet.scrollTop = mark ? Math.max(0, mark.offsetTop - sheet.clientHeight / 4) : 0;
};
const whenDrawn = () => {
  const image = element.querySelector('.sv-sheet img');
  if (!image) return;
  image.onclick = () => element.querySelector('.sv-paper').classList.toggle('sv-enlarged');
  if (image.complete && image.naturalWidth) showBox(); else image.onload = showBox;
};
whenDrawn();
watch('value', whenDrawn);
document.addEventListener('keydown', (event) => {
  if (!element.isConnected || event.target.closest('input, textarea')) return;
  const keys = {
    ArrowLeft: '[data-action=turn]', ArrowRight: '[data-action=turn] + [data-action=turn]',
    Escape: '[data-action=close]',
  };
  if (keys[event.key]) element.querySelector(keys[event.key])?.click();
});
"""
)
"""Besides, scrolls to the chosen box, enlarges a page on a click, and turns pages with the arrow keys."""

CSS = """
.gradio-container { width: 100%; max-width: 1720px !important; margin: 0 auto !important; }
.gradio-container .sv-title { margin: 4px 0 0; font-size: 22px; font-weight: 700; letter-spacing: -0.01em; }
.sv-title span { font-size: 15px; font-weight: 400; color: var(--body-text-color-subdued); margin-left: 10px;
  letter-spacing: 0; }
.sv-subdued { color: var(--body-text-color-subdued); font-size: 13px; }
p.sv-subdued { margin: 8px 0 0; }
.sv-empty { color: var(--body-text-color-subdued); margin: 0; padding: 14px 16px;
  border: 1px dashed var(--border-color-primary); border-radius: 10px; line-height: 1.5; }
.sv-failure { color: #b42318; margin: 0; padding: 12px 16px; border: 1px solid #f0b4ae; border-radius: 10px;
  background: #fef3f2; overflow-wrap: anywhere; }
.sv-name { font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#sv-layout { align-items: flex-start; gap: 24px; }
#sv-layout .html-container, #sv-header .html-container { padding: 0; }
#sv-library, #sv-desk, #sv-viewer { min-width: 0 !important; }
#sv-library { flex: 0 0 290px !important; }
#sv-desk { flex: 1 1 420px !important; }
#sv-viewer { flex: 1.2 1 420px !important; position: sticky; top: 12px; }
#sv-notices:has([data-testid=status-tracker]:not(.hide)) { min-height: 84px; }
#sv-notices [data-testid=status-tracker] * { font-family: var(--font); }
#sv-notices:not(:has(li)):has([data-testid=status-tracker].hide) { display: none; }
#sv-ask { flex-wrap: nowrap; align-items: flex-end; }
#sv-ask button { min-width: 84px; flex: 0 0 auto; height: 42px; }

.sv-documents { list-style: none; margin: 0; padding: 0; max-height: 52vh; overflow-y: auto;
  border: 1px solid var(--border-color-primary); border-radius: 10px; background: var(--block-background-fill); }
.sv-documents li { display: flex; gap: 8px; align-items: center; margin: 0; padding: 9px 8px 9px 14px; }
.sv-documents li + li { border-top: 1px solid var(--border-color-primary); }
.sv-document { flex: 1; min-width: 0; display: flex; flex-direction: column; line-height: 1.4; font-size: 14px; }
.sv-document .sv-subdued { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: 12.5px; }
.sv-remove { flex: none; width: 28px; height: 28px; border-radius: 7px; font-size: 18px; line-height: 1;
  color: var(--body-text-color-subdued); }
.sv-remove:hover { background: var(--background-fill-secondary); color: #b42318; }
.sv-notices { list-style: none; margin: 0; padding: 0; font-size: 13px; line-height: 1.45; }
.sv-notices li { margin: 0; padding: 3px 2px; overflow-wrap: anywhere; }
.sv-failed { color: #b42318; }

.sv-answer { font-size: 17px; line-height: 1.55; overflow-wrap: anywhere; }
.gradio-container .sv-answer p { margin: 0 0 8px; }
.sv-not-found { color: var(--body-text-color-subdued); }
.sv-note { margin: 8px 0 0; font-size: 13px; color: var(--body-text-color-subdued); overflow-wrap: anywhere; }
.sv-answer.sv-working { white-space: pre-line; }
.sv-working::after { content: '▍'; color: var(--color-accent); animation: sv-blink 1s steps(2) infinite; }
@keyframes sv-blink { 50% { opacity: 0; } }
.sv-cite, .sv-number { display: inline-flex; align-items: center; justify-content: center; min-width: 21px;
  height: 21px; padding: 0 5px; border-radius: 6px; font-size: 12.5px; font-weight: 700; line-height: 1;
  background: var(--color-accent); color: white; }
.sv-cite { margin: 0 2px; vertical-align: 2px; cursor: pointer; }
.sv-cite:hover { filter: brightness(0.88); }

.gradio-container .sv-heading { font-size: 13px; font-weight: 700; text-transform: uppercase; letter-spacing: 0.05em;
  color: var(--body-text-color-subdued); margin: 18px 0 10px; }
.sv-cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); gap: 14px; }
.sv-card { display: flex; flex-direction: column; gap: 9px; padding: 14px; min-width: 0; cursor: pointer;
  border: 1px solid var(--border-color-primary); border-radius: 12px; background: var(--block-background-fill); }
.sv-card:hover { border-color: var(--color-accent); }
.sv-card header, .sv-page header { display: flex; align-items: center; gap: 9px; font-size: 14px; }
.sv-card header .sv-name { flex: 1; min-width: 0; }
.sv-open { flex: none; font-size: 13px; color: var(--link-text-color); }
.sv-open:hover { text-decoration: underline; }
.sv-tags { display: flex; flex-wrap: wrap; gap: 6px; font-size: 12px; }
.sv-tags span { padding: 2px 8px; border-radius: 99px; background: var(--background-fill-secondary);
  border: 1px solid var(--border-color-primary); color: var(--body-text-color-subdued); }
.sv-crop { background: white; border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 6px;
  display: flex; justify-content: center; }
.gradio-container .sv-crop img { margin: 0; max-width: 100%; max-height: 230px; object-fit: contain; }
.gradio-container .sv-card blockquote { margin: 0; padding: 0 0 0 11px; font-size: 14px; line-height: 1.5;
  border-left: 3px solid var(--border-color-primary); overflow-wrap: anywhere; }

.sv-page { display: flex; flex-direction: column; max-height: calc(100vh - 24px); overflow: hidden;
  border: 1px solid var(--border-color-primary); border-radius: 12px; background: var(--block-background-fill); }
.sv-page header { padding: 9px 10px 9px 14px; border-bottom: 1px solid var(--border-color-primary); }
.sv-where { flex: 1; min-width: 0; display: flex; flex-direction: column; line-height: 1.35; }
.sv-page header button { flex: none; width: 32px; height: 32px; border-radius: 8px; font-size: 20px; line-height: 1;
  border: 1px solid var(--border-color-primary); }
.sv-page header button:hover { background: var(--background-fill-secondary); }
.sv-page header button:disabled { opacity: 0.35; cursor: default; }
.sv-look { padding: 8px 14px; border-bottom: 1px solid var(--border-color-primary); }
.sv-look button { padding: 4px 12px; border-radius: 99px; border: 1px solid var(--border-color-primary);
  font-size: 13px; line-height: 1.4; color: var(--link-text-color); }
.sv-look button:hover { background: var(--background-fill-secondary); }
.sv-look button:disabled { color: var(--body-text-color-subdued); cursor: progress; }
.sv-look button[aria-pressed=true] { background: var(--color-accent); border-color: var(--color-accent); color: white; }
.sv-sheet { overflow: auto; background: var(--background-fill-secondary); overscroll-behavior: contain; }
.sv-paper { position: relative; width: 100%; }
.sv-paper.sv-enlarged { width: 180%; }
.gradio-container .sv-paper img { display: block; width: 100%; margin: 0; cursor: zoom-in; }
.gradio-container .sv-enlarged img { cursor: zoom-out; }
.sv-mark { position: absolute; pointer-events: none; outline: 2px solid #d6272899; outline-offset: 2px; }
.sv-mark.sv-chosen { outline: 3px solid #d62728; background: #d627280f; }
.sv-looked .sv-chosen { background: none; }
.sv-mark span { position: absolute; right: 100%; bottom: 100%; padding: 1px 5px; border-radius: 5px; background: #d62728;
  color: white; font-size: 12px; font-weight: 700; line-height: 1.3; transform: translate(50%, 50%); }

.dark .sv-failed, .dark .sv-remove:hover { color: #f97066; }
.dark .sv-failure { color: #fda29b; background: #2a1513; border-color: #7a271a; }

@media (max-width: 1180px) {
  #sv-viewer { position: relative; z-index: 1000; }
  .sv-page { position: fixed; inset: 0; z-index: 50; max-height: none; border: 0; border-radius: 0; }
  .sv-sheet { flex: 1; }
}
@media (max-width: 760px) {
  .gradio-container .sv-title span { display: block; margin: 2px 0 0; }
  #sv-layout { flex-direction: column; gap: 18px; }
  #sv-library, #sv-desk { flex: none !important; width: 100%; }
  .sv-documents { max-height: 190px; }
}
"""


HEAD = """<style>
@supports (field-sizing: content) {
  #sv-ask textarea { field-sizing: content; height: auto !important; max-height: 130px; overflow-y: auto !important; }
}
</style>"""
"""The question grows with its words at any width; apart from the rest, because Gradio drops @supports from its CSS."""


def theme() -> Base:
    """Gradio's own look in a calm blue, with the fonts of the reader's system."""
    from gradio.themes import Default, colors

    return Default(
        primary_hue=colors.blue,
        neutral_hue=colors.slate,
        font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    )
