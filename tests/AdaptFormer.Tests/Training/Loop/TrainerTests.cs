using AdaptFormer.Data.Loading;
using AdaptFormer.Experiments;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using AdaptFormer.Training.Loop;
using AdaptFormer.Training.Optimizers;
using AdaptFormer.Training.Schedules;
using Xunit;

namespace AdaptFormer.Tests.Training.Loop;

/// <summary>
/// The loop on a problem that a few lines of plain arithmetic solve beside it: a linear classifier on given features, whose gradient is
/// (softmax − one-hot)·xᵀ.
/// </summary>
public sealed class TrainerTests
{
    private const int Classes = 3, BatchSize = 4;
    private const double Lr = 0.3;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]      // 5 batches: groups of 2, 2 and 1
    [InlineData(3)]      // groups of 3 and 2
    [InlineData(8)]      // one group of 5
    public void A_group_of_batches_steps_by_the_mean_of_its_gradients_the_last_group_too(int accumulate)
    {
        FeatureSource data = new(samples: 18, seed: 1);                     // batches of 4, 4, 4, 4, 2
        (double[] weights, _) = Run(data, epochs: 2, accumulate);
        Reference reference = new(data.Features);
        for (int epoch = 0; epoch < 2; epoch++) reference.Epoch(data, accumulate, double.PositiveInfinity);
        AssertClose(reference.Weights, weights);
    }

    [Fact]
    public void An_epoch_s_loss_and_accuracy_are_means_over_pictures_not_over_batches()
    {
        FeatureSource data = new(samples: 9, seed: 2);                      // batches of 4, 4, 1
        (_, List<EpochFigures> records) = Run(data, epochs: 1, accumulate: 8);
        Reference reference = new(data.Features);                           // one step at the end: all losses are those of the start
        double loss = Enumerable.Range(0, 9).Average(i => reference.Loss(data, i));
        Assert.Equal(loss, records[0].TrainLoss, 5);
        double right = 100.0 * Enumerable.Range(0, 9).Count(i => reference.Best(data, i) == data.Labels[i]) / 9;
        Assert.Equal(right, records[0].Trained["top1"], 6);
    }

    [Fact]
    public void The_gradient_of_a_step_is_no_longer_than_clip_norm()
    {
        FeatureSource data = new(samples: 16, seed: 3);
        const double Most = 0.05;                                           // every gradient here is several times as long
        (double[] weights, _) = Run(data, epochs: 1, accumulate: 2, clipNorm: Most);
        Reference reference = new(data.Features);
        reference.Epoch(data, 2, Most);
        AssertClose(reference.Weights, weights);
        Assert.Equal(2, reference.Clipped);
    }

    [Fact]
    public void The_best_epoch_on_the_validation_data_is_kept_and_the_last_one_without()
    {
        FeatureSource train = new(samples: 8, seed: 4);
        FeatureSource contrary = train.WithLabels(label => (label + 1) % Classes);      // every step makes these answers worse
        using Backbone model = Head(train, out Trainer trainer, epochs: 4, accumulate: 1);
        using (trainer)
        {
            List<EpochFigures> records = [];
            double[] first = [];
            trainer.EpochDone = (record, best) =>
            {
                records.Add(record);
                if (records.Count == 1) first = Weights(model);
            };
            trainer.Fit(train, contrary);
            double[] scores = [.. records.Select(record => record.Validation!["top1"]!.Value)];
            int best = Array.IndexOf(scores, scores.Max()) + 1;             // a tie keeps the earlier epoch
            Assert.Equal(1, best);
            Assert.Equal((best, scores.Max()), (trainer.BestEpoch, trainer.BestScores?["top1"]));
            Assert.Equal(first, Weights(model));
        }

        using Backbone last = Head(train, out Trainer plain, epochs: 4, accumulate: 1);
        using (plain)
        {
            double[] final = [];
            plain.EpochDone = (_, _) => final = Weights(last);
            plain.Fit(train, null);
            Assert.Equal(4, plain.BestEpoch);
            Assert.Equal(final, Weights(last));
        }
    }

    [Fact]
    public void The_rate_follows_the_steps_of_the_optimizer_and_scales_with_the_batch_of_a_step()
    {
        FeatureSource data = new(samples: 18, seed: 1);
        using Backbone model = Head(data, out Trainer trainer, epochs: 1, accumulate: 2, new SgdOptions(BaseLr: 0.8, Momentum: 0));
        using (trainer) Assert.Equal(0.8 * (BatchSize * 2) / 256, trainer.PeakLr(data), 12);
    }

    private static (double[] Weights, List<EpochFigures> Records) Run(FeatureSource data, int epochs, int accumulate, double? clipNorm = null)
    {
        List<EpochFigures> records = [];
        using Backbone model = Head(data, out Trainer trainer, epochs, accumulate, clipNorm: clipNorm);
        using (trainer)
        {
            trainer.EpochDone = (record, _) => records.Add(record);
            trainer.Fit(data, null);
            return (Weights(model), records);
        }
    }

    /// <summary>A model of which only a plain head learns, all zeros, and its trainer.</summary>
    private static Backbone Head(
        FeatureSource data, out Trainer trainer, int epochs, int accumulate, SgdOptions? optimizer = null, double? clipNorm = null)
    {
        Backbone model = TinyVit.Create();
        Assert.Equal(data.Features, model.NumFeatures);
        new LinearProbe(HeadKind.Plain).Attach(model, Classes, new Rng(0));
        foreach (KeyValuePair<string, Parameter> entry in model.TrainableParameters()) entry.Value.Assign(new float[entry.Value.Length]);
        foreach (Parameter norm in model.HeadNorms.SelectMany(norm => norm.Parameters().Select(entry => entry.Value))) norm.Trainable = false;
        trainer = new Trainer(model, new TrainerOptions(
            epochs, optimizer ?? new SgdOptions(Lr: Lr, Momentum: 0), new ConstantSchedule(), Accumulate: accumulate, ClipNorm: clipNorm));
        return model;
    }

    private static double[] Weights(Backbone model) =>
        [.. model.Head!.Weight.ToArray().Concat(model.Head.Bias.ToArray()).Select(value => (double)value)];

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.True(expected.Max(Math.Abs) > 1e-3, "nothing was learned");
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 5e-6);
    }

    /// <summary>The same training in double precision: weights [K, F], then biases [K].</summary>
    private sealed class Reference(int features)
    {
        public double[] Weights { get; } = new double[(Classes * features) + Classes];

        public int Clipped { get; private set; }

        public void Epoch(FeatureSource data, int accumulate, double most)
        {
            int[][] batches = [.. Enumerable.Range(0, data.Labels.Length).Chunk(BatchSize)];
            foreach (int[][] group in batches.Chunk(accumulate)) Step(data, group, most);
        }

        public double Loss(FeatureSource data, int sample) => -Math.Log(Softmax(data, sample)[data.Labels[sample]]);

        public int Best(FeatureSource data, int sample) => Softmax(data, sample).Index().MaxBy(entry => entry.Item).Index;

        private void Step(FeatureSource data, int[][] group, double most)
        {
            double[] gradient = new double[Weights.Length];
            foreach (int[] batch in group)
            {
                foreach (int sample in batch)
                {
                    double[] p = Softmax(data, sample);
                    p[data.Labels[sample]] -= 1;
                    for (int k = 0; k < Classes; k++)
                    {
                        double dy = p[k] / batch.Length / group.Length;
                        for (int f = 0; f < features; f++) gradient[(k * features) + f] += dy * data.Feature(sample, f);
                        gradient[(Classes * features) + k] += dy;
                    }
                }
            }

            double norm = Math.Sqrt(gradient.Sum(g => g * g)), factor = norm > most ? most / (norm + 1e-6) : 1;
            if (factor < 1) Clipped++;
            for (int i = 0; i < gradient.Length; i++) Weights[i] -= Lr * factor * gradient[i];
        }

        private double[] Softmax(FeatureSource data, int sample)
        {
            double[] p = new double[Classes];
            for (int k = 0; k < Classes; k++)
            {
                double y = Weights[(Classes * features) + k];
                for (int f = 0; f < features; f++) y += Weights[(k * features) + f] * data.Feature(sample, f);
                p[k] = Math.Exp(y);
            }

            double sum = p.Sum();
            return [.. p.Select(value => value / sum)];
        }
    }

    /// <summary>Given features and labels, in order, straight into the head.</summary>
    private sealed class FeatureSource : BatchSource
    {
        private readonly float[] _values;

        public FeatureSource(int samples, int seed)
            : this(
                GradCheck.Numbers(new Rng(seed), samples * TinyVit.Config.EmbedDim),
                [.. Enumerable.Range(0, samples).Select(i => ((i * 7) + seed) % Classes)])
        {
        }

        private FeatureSource(float[] values, int[] labels) => (_values, Labels) = (values, labels);

        public int Features => TinyVit.Config.EmbedDim;

        public int[] Labels { get; }

        public override LoaderOptions Options { get; } = new(BatchSize, Shuffle: false);

        public override int BatchesPerEpoch => (Labels.Length + BatchSize - 1) / BatchSize;

        public override int SamplesPerEpoch => Labels.Length;

        public override int Views => 1;

        public override TimeSpan WaitTime => TimeSpan.Zero;

        public double Feature(int sample, int f) => _values[(sample * Features) + f];

        public FeatureSource WithLabels(Func<int, int> change) => new(_values, [.. Labels.Select(change)]);

        public override IEnumerable<InputBatch> Epoch(int epoch, int from = 0)
        {
            for (int start = from * BatchSize; start < Labels.Length; start += BatchSize)
            {
                int end = Math.Min(start + BatchSize, Labels.Length);
                yield return new FeatureBatch(
                    Tensor.From(_values.AsSpan((start * Features)..(end * Features)), new Shape(end - start, Features)), Labels[start..end]);
            }
        }

        public override Tensor Forward(Backbone model, Tensor input, Backbone.Observer? observe = null) => model.Head!.Forward(input);
    }

    private sealed class FeatureBatch(Tensor input, int[] labels) : InputBatch
    {
        public override Tensor Input => input;

        public override ReadOnlySpan<int> Labels => labels;

        public override void Dispose() => input.Dispose();
    }
}
