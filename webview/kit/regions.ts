// F6 and Shift+F6 move between the regions of a view, as they do between the parts of the workbench.

/** Marks an element as a region; F6 focuses its first focusable element, or itself. */
export function markRegion(element: HTMLElement, label: string): void {
  element.setAttribute('role', 'region');
  element.setAttribute('aria-label', label);
  element.dataset['region'] = '';
}

/** Listens for F6 in the whole page. */
export function moveBetweenRegions(): void {
  // While capturing: VS Code listens on the window too, and would move to another part of the workbench as well.
  window.addEventListener('keydown', moveByKey, { capture: true });
}

function moveByKey(event: KeyboardEvent): void {
  if (event.key !== 'F6') return;
  const regions = [...document.querySelectorAll<HTMLElement>('[data-region]')].filter(
    region => region.getClientRects().length > 0,
  );
  if (regions.length === 0) return;
  const here = regions.findLastIndex(region => region.contains(document.activeElement));
  const step = event.shiftKey ? -1 : 1;
  const next = here + step;
  // Past either end the key belongs to the workbench.
  if (here !== -1 && (next < 0 || next >= regions.length)) return;
  event.preventDefault();
  event.stopPropagation();
  focusIn(regions[here === -1 ? 0 : next]!);
}

function focusIn(region: HTMLElement): void {
  const inside = region.querySelector<HTMLElement>(
    '[tabindex="0"], vscode-button:not([disabled]), vscode-text-field, vscode-checkbox, vscode-panel-tab[aria-selected="true"], button:not([disabled]), a[href]',
  );
  if (inside) {
    inside.focus();
    return;
  }
  region.tabIndex = -1;
  region.focus();
}
