using AdaptFormer.Distributed;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Ops;
using AdaptFormer.Training;
using AdaptFormer.Training.Tasks;

namespace AdaptFormer.Tests.Training.Tasks;

/// <summary>
/// A task that the product does not have, in one file: to tell of every patch whether it is brighter than the mean of its picture, from the tokens behind the last block. What segmentation
/// needs: a head of its own, a loss over tokens, targets of places, figures of its own.
/// </summary>
internal sealed class PatchTask(Backbone backbone) : TrainingTask, IDisposable
{
    private const string Patches = "patches";
    private readonly WithHead _model = new(backbone);

    public override Backbone Backbone => backbone;

    public override Module Model => _model;

    public override Tensor Loss(BatchSource source, InputBatch batch, Tensor input, Rng rng, TrainingFigures figures)
    {
        (Tensor logits, int[] targets) = Answer(batch.Input, input);
        figures.Add(Patches, 100 * Right(logits, targets), batch.Count);
        return logits.SoftmaxCrossEntropy(targets);
    }

    public override TaskScores Score(BatchSource source, Collective ranks, Action<double, int>? progress, CancellationToken cancellation)
    {
        (double loss, double right, int images, int done) = (0, 0, 0, 0);
        foreach (InputBatch batch in source.Epoch(0))
        {
            using InputBatch _ = batch;
            using TensorScope scope = new();
            (Tensor logits, int[] targets) = Answer(batch.Input, batch.Input);
            loss += logits.SoftmaxCrossEntropy(targets).Item() * batch.Count;
            right += Right(logits, targets) * batch.Count;
            images += batch.Count;
            progress?.Invoke(loss / images, ++done);
        }

        return new TaskScores(images, loss / images, new Dictionary<string, double> { [Patches] = 100 * right / images });
    }

    public override bool Better(TaskScores scores, TaskScores others) => scores[Patches] > others[Patches];

    public void Dispose() => _model.Dispose();

    /// <summary>Logits [B·N, 2] of all patches, and whether each is bright.</summary>
    private (Tensor Logits, int[] Targets) Answer(Tensor pixels, Tensor input)
    {
        TokenMap map = backbone.Tokens(input)[0];
        (int b, int n, int front) = (input.Shape[0], map.Grid.Count, map.Front);
        int[] places = [.. Enumerable.Range(0, b * n).Select(i => front + (i % n))];
        Tensor logits = _model.Head.Forward(map.Tokens.GatherTokens(places)).Reshape(b * n, 2);
        return (logits, Bright(pixels.ToArray(), b, n, pixels.Shape[^1]));
    }

    private static int[] Bright(float[] pixels, int b, int n, int side)
    {
        int across = (int)Math.Sqrt(n), patch = side / across, area = 3 * side * side;
        double[] sums = new double[b * n];
        for (int i = 0; i < pixels.Length; i++)
        {
            int y = i / side % side, x = i % side;
            sums[(i / area * n) + (y / patch * across) + (x / patch)] += pixels[i];
        }

        return [.. sums.Select((sum, i) => sum > sums.AsSpan(i / n * n, n).ToArray().Average() ? 1 : 0)];
    }

    private static double Right(Tensor logits, int[] targets)
    {
        float[] rows = logits.ToArray();
        return targets.Where((target, i) => (rows[(2 * i) + 1] > rows[2 * i] ? 1 : 0) == target).Count() / (double)targets.Length;
    }

    private sealed class WithHead : Module
    {
        public WithHead(Backbone backbone)
        {
            Add("backbone", backbone);
            Head = Add("head", new Linear(backbone.NumFeatures, 2));
        }

        public Linear Head { get; }
    }
}
