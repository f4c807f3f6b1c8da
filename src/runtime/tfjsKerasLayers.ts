// Layers of Keras that TensorFlow.js does not bring along but computes once they are registered.
import type * as tensorflow from '@tensorflow/tfjs';
import type { Tensorflow } from './tfjsLibrary';

const registered = new WeakSet<Tensorflow>();

/** Registers Subtract, SpatialDropout2D and SpatialDropout3D, once for each copy of TensorFlow.js. */
export function registerKerasLayers(tf: Tensorflow): void {
  if (registered.has(tf)) return;
  registered.add(tf);

  class Subtract extends tf.layers.Layer {
    static readonly className = 'Subtract';

    override call(inputs: tensorflow.Tensor | tensorflow.Tensor[]): tensorflow.Tensor {
      const [a, b] = inputs as [tensorflow.Tensor, tensorflow.Tensor];
      return tf.sub(a, b);
    }

    override computeOutputShape(shapes: tensorflow.Shape | tensorflow.Shape[]): tensorflow.Shape {
      return (shapes as tensorflow.Shape[])[0]!;
    }
  }

  /** What drops whole maps in training does nothing in inference. */
  class SpatialDropout2D extends tf.layers.Layer {
    static readonly className: string = 'SpatialDropout2D';

    override call(inputs: tensorflow.Tensor | tensorflow.Tensor[]): tensorflow.Tensor {
      return Array.isArray(inputs) ? inputs[0]! : inputs;
    }
  }

  class SpatialDropout3D extends SpatialDropout2D {
    static override readonly className = 'SpatialDropout3D';
  }

  for (const layer of [Subtract, SpatialDropout2D, SpatialDropout3D]) tf.serialization.registerClass(layer);
}
