// Controls. The only module that knows which library they come from.
import {
  provideVSCodeDesignSystem,
  vsCodeBadge,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodePanels,
  vsCodePanelTab,
  vsCodePanelView,
  vsCodeProgressRing,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';
import type { Button, Checkbox, Dropdown, Panels, TextField } from '@vscode/webview-ui-toolkit';
import { h, icon, setTip } from './dom';

provideVSCodeDesignSystem().register(
  vsCodeBadge(),
  vsCodeButton(),
  vsCodeCheckbox(),
  vsCodeDropdown(),
  vsCodeOption(),
  vsCodePanels(),
  vsCodePanelTab(),
  vsCodePanelView(),
  vsCodeProgressRing(),
  vsCodeTextField(),
);

/** What a button looks like and does. */
export interface ButtonProps {
  /** The verb on it; with `iconOnly` its accessible name. */
  readonly label: string;
  readonly icon?: string;
  readonly iconOnly?: boolean;
  readonly primary?: boolean;
  readonly tip?: string;
  readonly onPress: () => void;
}

/** A push button. */
export function button(props: ButtonProps): HTMLElement & { disabled: boolean } {
  const element = document.createElement('vscode-button') as Button;
  element.appearance = props.iconOnly ? 'icon' : props.primary ? 'primary' : 'secondary';
  if (props.icon !== undefined) {
    const mark = icon(props.icon);
    if (!props.iconOnly) mark.slot = 'start';
    element.append(mark);
  }
  if (props.iconOnly) element.setAttribute('aria-label', props.label);
  else element.append(props.label);
  const tip = props.tip ?? (props.iconOnly ? props.label : undefined);
  if (tip !== undefined) setTip(element, tip);
  element.addEventListener('click', props.onPress);
  return element;
}

/** A one-line text field; `onInput` gets each change. */
export interface TextFieldProps {
  readonly label: string;
  readonly placeholder?: string;
  readonly value?: string;
  /** A codicon before the text. */
  readonly icon?: string;
  readonly onInput: (value: string) => void;
}

/** A text field; set `value` to change it from outside. */
export function textField(props: TextFieldProps): HTMLElement & { value: string } {
  const element = document.createElement('vscode-text-field') as TextField;
  keepLabel(element, props.label);
  if (props.placeholder !== undefined) element.placeholder = props.placeholder;
  if (props.value !== undefined) element.value = props.value;
  if (props.icon !== undefined) {
    const mark = icon(props.icon);
    mark.slot = 'start';
    element.append(mark);
  }
  element.addEventListener('input', () => props.onInput(element.value));
  return element;
}

/** A check box with its label; `onChange` gets the new state. */
export function checkbox(
  label: string,
  checked: boolean,
  onChange: (checked: boolean) => void,
): HTMLElement & { checked: boolean } {
  const element = document.createElement('vscode-checkbox') as Checkbox;
  element.append(label);
  element.checked = checked;
  element.addEventListener('change', () => onChange(element.checked));
  return element;
}

/** A list to choose one of; `onChange` gets the chosen value. */
export function dropdown(
  label: string,
  choices: readonly { readonly value: string; readonly text: string }[],
  value: string,
  onChange: (value: string) => void,
): HTMLElement & { value: string } {
  const element = document.createElement('vscode-dropdown') as Dropdown;
  keepLabel(element, label);
  for (const choice of choices) {
    element.append(
      h(
        'vscode-option',
        { attributes: { value: choice.value, selected: choice.value === value } },
        choice.text,
      ),
    );
  }
  element.value = value;
  element.addEventListener('change', () => onChange(element.value));
  return element;
}

/** Names a control for screen readers; the library would put a name of its own in place when it is connected. */
function keepLabel(element: HTMLElement, label: string): void {
  const set = (): void => {
    if (element.getAttribute('aria-label') !== label) element.setAttribute('aria-label', label);
  };
  set();
  new MutationObserver(set).observe(element, { attributes: true, attributeFilter: ['aria-label'] });
}

/** A small count beside a title. */
export function badge(text: string): HTMLElement {
  return h('vscode-badge', null, text);
}

/** A ring that turns while something is under way. */
export function progressRing(label: string): HTMLElement {
  return h('vscode-progress-ring', { attributes: { 'aria-label': label } });
}

/** One tab and what it shows. */
export interface TabPage {
  readonly id: string;
  readonly title: string;
  readonly content: HTMLElement;
}

/** Tabs with arrow keys, Home and End; the content of the others is hidden. */
export interface Tabs {
  readonly element: HTMLElement;
  readonly active: string;
  select(id: string): void;
}

/** Creates tabs. `onChange` is told when another one was chosen, by whomever. */
export function tabs(
  label: string,
  pages: readonly TabPage[],
  active: string,
  onChange: (id: string) => void,
): Tabs {
  const element = document.createElement('vscode-panels') as Panels;
  element.setAttribute('aria-label', label);
  element.activeid = `tab-${active}`;
  for (const page of pages) {
    element.append(h('vscode-panel-tab', { attributes: { id: `tab-${page.id}` } }, page.title));
  }
  for (const page of pages) {
    element.append(h('vscode-panel-view', { attributes: { id: `view-${page.id}` } }, page.content));
  }
  let current = active;
  const read = (): string => (element.activeid ?? '').replace(/^tab-/, '');
  element.addEventListener('change', event => {
    if (event.target !== element || read() === current || read() === '') return;
    current = read();
    onChange(current);
  });
  return {
    element,
    get active() {
      return current;
    },
    select(id) {
      if (id === current) return;
      element.activeid = `tab-${id}`;
      current = id;
      onChange(id);
    },
  };
}
