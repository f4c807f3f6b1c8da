// Elements without a framework: text always goes in as text, styles through the CSS object model.

/** What can stand inside an element. */
export type Child = Node | string | null | undefined | false;

/** Properties of an element; everything else becomes an attribute. */
export interface ElementProps {
  readonly class?: string;
  /** A tooltip; screen readers get it as the element's description. */
  readonly tip?: string;
  /** CSS properties, set through the object model because the policy forbids style attributes. */
  readonly style?: Readonly<Record<string, string>>;
  readonly on?: Readonly<Record<string, (event: never) => void>>;
  readonly attributes?: Readonly<Record<string, string | number | boolean | null>>;
}

/** Creates an HTML element with its children. Strings become text nodes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props?: ElementProps | null,
  ...children: readonly Child[]
): HTMLElementTagNameMap[K];
export function h(tag: string, props?: ElementProps | null, ...children: readonly Child[]): HTMLElement;
export function h(tag: string, props?: ElementProps | null, ...children: readonly Child[]): HTMLElement {
  const element = document.createElement(tag);
  if (props) applyProps(element, props);
  append(element, ...children);
  return element;
}

/** Creates an SVG element with its children; attributes only, no style attribute. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number>>,
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  append(element, ...children);
  return element;
}

/** Sets properties on an element that exists. */
export function applyProps(element: HTMLElement, props: ElementProps): void {
  if (props.class !== undefined) element.className = props.class;
  if (props.tip !== undefined) setTip(element, props.tip);
  for (const [name, value] of Object.entries(props.style ?? {})) element.style.setProperty(name, value);
  for (const [name, listener] of Object.entries(props.on ?? {})) {
    element.addEventListener(name, listener as EventListener);
  }
  for (const [name, value] of Object.entries(props.attributes ?? {})) {
    if (value === null || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
}

/** A tooltip for the mouse, and the same words for screen readers. */
export function setTip(element: HTMLElement, text: string): void {
  element.title = text;
  element.setAttribute('aria-description', text);
}

/** Puts children in place of what an element holds. */
export function replaceContent(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  append(element, ...children);
}

/** A codicon; decoration only, so it is hidden from screen readers. */
export function icon(name: string): HTMLElement {
  return h('span', { class: `codicon codicon-${name}`, attributes: { 'aria-hidden': 'true' } });
}

let nextId = 1;

/** An id that no other element of the page has. */
export function uniqueId(prefix: string): string {
  return `${prefix}-${nextId++}`;
}

/** Adds children to an element. */
export function append(element: Element, ...children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}
