// The viewer: answers an editor's questions about models and datasets over its standard streams.
import { performance } from 'node:perf_hooks';
import {
  createMessageConnection,
  ErrorCodes,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
  type CancellationToken,
  type GenericRequestHandler,
  type MessageConnection,
  type RequestType,
} from 'vscode-jsonrpc/node';
import { CancelledError, LetheError, messageOf } from '../shared/errors';
import {
  cancelledCode,
  cardsRequest,
  closeDatasetRequest,
  compareRequest,
  datasetColumnsRequest,
  diagnoseRequest,
  forgetFileRequest,
  graphRequest,
  graphShapesRequest,
  openDatasetRequest,
  overviewRequest,
  predictionsRequest,
  preprocessRequest,
  saveWeightsRequest,
  snapshotRequest,
  summariesRequest,
  summaryNotification,
  viewerProgressNotification,
  type ViewerFailure,
} from '../shared/viewerProtocol';
import { compareModels } from '../job/viewCompare';
import { cardsOf } from '../job/viewCards';
import { graphOf, measuredShapes } from '../job/viewGraph';
import { columnsOf, forgetFileOf } from '../job/viewDataset';
import { diagnoseView } from '../job/viewDiagnose';
import { DatasetStore } from '../job/viewDatasetStore';
import { EnginePool } from '../job/viewEngines';
import { overviewOf } from '../job/viewModel';
import { Predictor } from '../job/viewPredict';
import { preprocessCandidates } from '../job/viewPreprocess';
import { saveWeights, snapshotModel } from '../job/viewSave';
import { summarise } from '../job/viewSummaries';

/** Milliseconds between two tellings of progress. */
const progressInterval = 100;

/** Serves one editor over a pair of streams until the input ends. */
export async function serveViewer(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<void> {
  const connection = createMessageConnection(new StreamMessageReader(input), new StreamMessageWriter(output));
  const engines = new EnginePool();
  const datasets = new DatasetStore();
  const predictor = new Predictor(engines);
  const progress = tellProgress(connection);

  answer(connection, overviewRequest, ({ path }) => overviewOf(path));
  answer(connection, graphRequest, ({ path }) => graphOf(path));
  answer(connection, graphShapesRequest, ({ path, sizes }, signal) =>
    measuredShapes(engines, path, sizes, signal),
  );
  answer(connection, summariesRequest, ({ path, bins }, signal) =>
    summarise(path, bins, {
      signal,
      tell: summary => connection.sendNotification(summaryNotification, { path, summary }),
    }),
  );
  answer(connection, compareRequest, ({ a, b, bins, largest }, signal) =>
    compareModels(a, b, { bins, largest, signal, progress }),
  );
  answer(connection, openDatasetRequest, async (request, signal) => {
    const overview = await datasets.open(request);
    if (!signal.aborted) return overview;
    // Nobody will close what nobody was told of.
    datasets.close(overview.id);
    throw new CancelledError();
  });
  answer(connection, closeDatasetRequest, ({ id }) => {
    datasets.close(id);
    predictor.forget(id);
    return null;
  });
  answer(connection, datasetColumnsRequest, async ({ id }) => columnsOf(await datasets.get(id)));
  answer(connection, cardsRequest, async ({ id, indices, size }, signal) =>
    cardsOf(await datasets.get(id), indices, size, signal),
  );
  answer(connection, forgetFileRequest, async ({ id, file }) => forgetFileOf(await datasets.get(id), file));
  answer(connection, predictionsRequest, async ({ id, model }, signal) =>
    predictor.predictions(id, await datasets.get(id), model, { signal, progress }),
  );
  answer(connection, preprocessRequest, async ({ id, model }, signal) =>
    preprocessCandidates(engines, await datasets.get(id), model, signal),
  );
  answer(connection, diagnoseRequest, async ({ id, ...rest }, signal) =>
    diagnoseView(engines, await datasets.get(id), rest, { signal, progress }),
  );
  answer(connection, saveWeightsRequest, request => saveWeights(request));
  answer(connection, snapshotRequest, ({ path, folder }) => snapshotModel(path, folder));

  const closed = new Promise<void>(resolve => connection.onClose(resolve));
  connection.onError(() => undefined);
  connection.listen();
  await closed;
}

/** Answers one kind of request; what is thrown travels as a ViewerFailure. */
function answer<P, R>(
  connection: MessageConnection,
  type: RequestType<P, R, ViewerFailure>,
  work: (params: P, signal: AbortSignal) => Promise<R> | R,
): void {
  const handler = async (params: P, token: CancellationToken): Promise<R | ResponseError<ViewerFailure>> => {
    const controller = new AbortController();
    const listening = token.onCancellationRequested(() => controller.abort());
    if (token.isCancellationRequested) controller.abort();
    try {
      return await work(params, controller.signal);
    } catch (error) {
      return failureResponse(type.method, error);
    } finally {
      listening.dispose();
    }
  };
  // The library's own type asks whether R may be null, which cannot be told of a type parameter.
  connection.onRequest(
    type as RequestType<unknown, unknown, ViewerFailure>,
    handler as GenericRequestHandler<unknown, ViewerFailure>,
  );
}

/** The error that answers a request. A defect's stack goes to the log. */
function failureResponse(method: string, error: unknown): ResponseError<ViewerFailure> {
  if (error instanceof CancelledError) {
    return new ResponseError(cancelledCode, error.message, { kind: 'failed', message: error.message });
  }
  if (error instanceof LetheError) {
    return new ResponseError(ErrorCodes.InternalError, error.message, {
      kind: 'failed',
      message: error.message,
    });
  }
  console.error(`${method} failed:`, error);
  const message =
    `Lethe met a defect of its own (${messageOf(error).replace(/[.\s]+$/, '')}). Lethe's log tells where; ` +
    'please report it.';
  return new ResponseError(ErrorCodes.InternalError, message, { kind: 'defect', message });
}

/** Tells progress, but not more often than anyone can read it; a new kind of work is told at once. */
function tellProgress(connection: MessageConnection): (what: string, share: number | null) => void {
  let last = -Infinity;
  let told: string | null = null;
  return (what, share) => {
    const now = performance.now();
    if (share !== 1 && what === told && now - last < progressInterval) return;
    last = now;
    told = what;
    connection.sendNotification(viewerProgressNotification, { what, share }).catch(() => undefined);
  };
}
