using AdaptFormer.Distributed;

namespace AdaptFormer.Training;

/// <summary>A pass over data that several processes share: each answers its own batches, and all see all answers in the order of the
/// batches, as one process would have made them.</summary>
public static class SharedPass
{
    /// <summary>Runs it.</summary>
    /// <param name="source">The data, of which each rank reads its own batches.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="answer">Answers a batch, given with its number in the epoch.</param>
    /// <param name="take">Gets every answer, in order.</param>
    /// <param name="cancellation">Ends the pass after a round of batches, at all ranks if it is asked for at one.</param>
    /// <exception cref="OperationCanceledException">It was asked for.</exception>
    /// <exception cref="ExchangeException">Another process does not answer.</exception>
    public static void Run(
        BatchSource source, Collective ranks, Func<InputBatch, int, byte[]> answer, Action<byte[]> take, CancellationToken cancellation)
    {
        using IEnumerator<InputBatch> own = source.Epoch(0).GetEnumerator();
        for (int first = 0; first < source.BatchesPerEpoch; first += ranks.Size)
        {
            byte[] mine = [];
            if (first + ranks.Rank < source.BatchesPerEpoch)
            {
                if (!own.MoveNext()) throw new InvalidOperationException("SharedPass: the source gave fewer batches than it has.");
                using InputBatch batch = own.Current;
                mine = answer(batch, first + ranks.Rank);
            }

            byte[][] all = ranks.Gather([cancellation.IsCancellationRequested ? (byte)1 : (byte)0, .. mine]);
            foreach (byte[] bytes in all.Take(source.BatchesPerEpoch - first)) take(bytes[1..]);
            if (!all.Any(bytes => bytes[0] != 0)) continue;
            cancellation.ThrowIfCancellationRequested();
            throw new OperationCanceledException("Another process was asked to stop.");
        }
    }
}
