// A model's graph as an editor draws it: operators in the order of the file, and what flows between them.

/** An operator, an input or an output of a model. `inputs` and `outputs` are names of values. */
export interface GraphNode {
  readonly kind: 'input' | 'operator' | 'output';
  /** The operator's type, its domain in front where that is not the standard one; '' for inputs and outputs. */
  readonly op: string;
  /** The name in the file; may be ''. */
  readonly name: string;
  /** What other nodes of the graph compute; values that sub-graphs take from outside are among them. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Stored floating tensors that it uses, by the names of the overview's parameters. */
  readonly parameters: readonly string[];
  /** Other stored tensors that it uses: shapes, indices. */
  readonly constants: readonly GraphValue[];
  /** Attributes as text, cut where they are long. */
  readonly attributes: readonly (readonly [string, string])[];
  /** Whether there is a rule for its gradient. True for inputs and outputs. */
  readonly differentiable: boolean;
  /** Operators inside its sub-graphs or its function. */
  readonly inside: number;
}

/** A value: its type and dims where they are known. Names stand for axes of any size. */
export interface GraphValue {
  readonly name: string;
  readonly dtype: string | null;
  readonly dims: readonly (number | string | null)[] | null;
}

/** The whole graph. */
export interface ModelGraph {
  /** Inputs first, then operators in the order of the file, then outputs. Constant nodes are left out. */
  readonly nodes: readonly GraphNode[];
  /** What the file declares about values. */
  readonly values: readonly GraphValue[];
  /** Whether some values have no declared shape, so that running the model once would tell more. */
  readonly partial: boolean;
}
