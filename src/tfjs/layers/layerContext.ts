// What a rule that translates a Keras layer is handed: the layer's settings, its weights, the graph to add to.
import type { JsonPlace } from '../json';
import { layerWeightName } from '../keras2';
import { Untranslatable, type Emitter, type KnownValue, type Size, type Value } from '../emitter';

/** What translates one call of a layer: inputs are values whose dims are known. */
export type LayerRule = (c: LayerContext, inputs: readonly KnownValue[]) => Value | readonly Value[];

/** A layer at hand. Settings are read by their names in Keras. */
export class LayerContext {
  constructor(
    readonly e: Emitter,
    readonly className: string,
    readonly config: JsonPlace,
    /** The name in front of the names of its weights: the layer's own, in a wrapper that of the wrapper as well. */
    readonly weightScope: string,
    private readonly finder: WeightFinder,
    /** How many weights of the same scope come before this layer's, for files that number weights. */
    private readonly firstWeight = 0,
  ) {}

  get name(): string {
    return this.config.at('name').text();
  }

  /** Whether a setting is there and not null. */
  has(key: string): boolean {
    return this.config.has(key);
  }

  int(key: string, fallback: number): number {
    return this.has(key) ? this.config.at(key).integer() : fallback;
  }

  float(key: string, fallback: number): number {
    return this.has(key) ? scalar(this.config.at(key)) : fallback;
  }

  text(key: string, fallback: string): string {
    return this.has(key) ? this.config.at(key).text() : fallback;
  }

  flag(key: string, fallback: boolean): boolean {
    return this.has(key) ? this.config.at(key).flag() : fallback;
  }

  /** One number for every axis, or one for all. */
  ints(key: string, length: number, fallback: number): number[] {
    if (!this.has(key)) return Array<number>(length).fill(fallback);
    const place = this.config.at(key);
    if (!place.isArray) return Array<number>(length).fill(place.integer());
    const values = place.items().map(item => item.integer());
    if (values.length !== length) throw place.wrong(`a number or ${length} numbers`);
    return values;
  }

  /** Whether axis 1 and not the last holds the channels. */
  get channelsFirst(): boolean {
    return this.text('data_format', 'channels_last') === 'channels_first';
  }

  /**
   * The layer's weights in the order that Keras lists them. Throws an Untranslatable when one is not in the manifest or
   * has another shape than `dims` says (null: any size).
   */
  weights(wanted: readonly { readonly name: string; readonly dims: readonly Size[] }[]): KnownValue[] {
    return wanted.map(({ name, dims }, index) => {
      const stored = this.finder.find(this.weightScope, name, this.firstWeight + index);
      const value = stored === undefined ? undefined : this.e.weight(stored);
      if (!value) throw new Untranslatable(`has no weight "${this.weightScope}/${name}" in the manifest`);
      const fits =
        value.dims.length === dims.length &&
        dims.every((dim, axis) => dim === null || dim === value.dims[axis]);
      if (!fits) {
        const shape = (sizes: readonly Size[]): string => `[${sizes.map(size => size ?? '?').join(', ')}]`;
        throw new Untranslatable(
          `needs its weight "${name}" in the shape ${shape(dims)}, but the manifest gives it ${shape(value.dims)}`,
        );
      }
      return value;
    });
  }

  /** A context for the layer inside this one (a wrapper's, a cell). */
  inner(config: JsonPlace, className: string, weightScope: string, firstWeight: number): LayerContext {
    return new LayerContext(
      this.e,
      className,
      config,
      weightScope,
      this.finder,
      this.firstWeight + firstWeight,
    );
  }

  /** A value of the given operator's result: plain, float, with dims. */
  value(name: string, dims: readonly Size[], like?: Pick<Value, 'dtype' | 'layout'>): KnownValue {
    return { name, dims, dtype: like?.dtype ?? 'float32', layout: like?.layout ?? 'plain' };
  }
}

/** Some exporters write numbers as { "class_name": "__numpy__", … } or as texts; only plain ones are read. */
function scalar(place: JsonPlace): number {
  if (place.isObject && place.has('value')) return place.at('value').number();
  return place.number();
}

/** Finds a layer's weights in the manifest as TensorFlow.js does. */
export class WeightFinder {
  private readonly names: ReadonlySet<string>;
  private readonly shortened = new Map<string, string>();
  private readonly inner = new Map<string, string>();

  /** `models` are the names that Keras 3 puts in front of a layer's; none for other files. */
  constructor(names: Iterable<string>, models: ReadonlySet<string>) {
    this.names = new Set(names);
    if (models.size > 0) for (const name of this.names) this.inner.set(layerWeightName(name, models), name);
    // TensorFlow 2.2 and later write the name of the cell before that of the weight.
    for (const name of this.names) {
      const parts = name.split('/');
      if (parts.length > 2) this.shortened.set([...parts.slice(0, -2), parts.at(-1)].join('/'), name);
    }
  }

  /** The name in the manifest: by name, by name with a cell's before it, or (Keras 3) by number. */
  find(scope: string, name: string, index: number): string | undefined {
    const full = `${scope}/${name}`;
    if (this.names.has(full)) return full;
    const short = this.inner.get(full) ?? this.shortened.get(full);
    if (short !== undefined) return short;
    const numbered = `${scope}/${index}`;
    return this.names.has(numbered) ? numbered : undefined;
  }
}
