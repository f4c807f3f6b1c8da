// Content that is asked for when its tab first comes into sight, and again once what it depends on has changed.
import { replaceContent } from '../kit/dom';
import { errorState, skeleton } from '../kit/states';
import type { ButtonProps } from '../kit/toolkit';

/** What is loaded, and how it is shown. */
export interface LoadedOptions<T> {
  /** Where it goes, in place of everything else. */
  readonly into: HTMLElement;
  /** What is being done, for the skeleton: "Comparing the weights". */
  readonly label: string;
  /** The title of the error page: "The models could not be compared". */
  readonly failed: string;
  readonly ask: () => Promise<T>;
  readonly fill: (answer: T) => void;
  /** Buttons of the error page beside "Try Again". */
  readonly remedies?: readonly ButtonProps[];
}

/** One such content. */
export class Loaded<T> {
  private version = '';
  private asked = '';
  private wanted = false;

  constructor(private readonly options: LoadedOptions<T>) {}

  /**
   * Says what the content depends on. Another version than before empties the tab until `show`; `instead` is shown where
   * there is nothing to ask for.
   */
  update(version: string, instead: (() => HTMLElement) | null = null): void {
    if (version === this.version) return;
    this.version = version;
    this.wanted = instead === null;
    replaceContent(this.options.into, instead?.() ?? skeleton(this.options.label));
  }

  /** Loads what is not loaded yet. */
  show(): void {
    if (!this.wanted || this.asked === this.version) return;
    const asked = (this.asked = this.version);
    const { ask, fill, into, failed, remedies = [] } = this.options;
    ask().then(
      answer => {
        if (asked === this.version) fill(answer);
      },
      (error: Error) => {
        if (asked !== this.version) return;
        const again = { label: 'Try Again', onPress: () => this.again() };
        replaceContent(into, errorState(failed, error.message, [again, ...remedies]));
      },
    );
  }

  /** Loads once more. */
  again(): void {
    this.asked = '';
    replaceContent(this.options.into, skeleton(this.options.label));
    this.show();
  }
}
