using AdaptFormer.Experiments;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Models.Layers;
using AdaptFormer.Peft;
using AdaptFormer.Runs;
using AdaptFormer.Tensors;
using AdaptFormer.Tests.Support;
using AdaptFormer.Training;
using Xunit;

namespace AdaptFormer.Tests.Inference;

/// <summary>What becomes of logits that are known: a head whose weights are zero answers with its biases to every picture.</summary>
public sealed class PredictorTests
{
    private static readonly string[] Labels = ["a", "b", "c"];

    [Fact]
    public void Probabilities_of_one_class_a_picture_are_the_softmax_of_the_logits()
    {
        using Backbone model = Answering(MathF.Log(1), MathF.Log(5), MathF.Log(2));
        using Predictor predictor = new(model, Labels);
        IReadOnlyList<ClassScore> best = predictor.Predict(Picture, topK: 2);
        Assert.Equal(["b", "c"], best.Select(score => score.Label));
        Assert.Equal([1, 2], best.Select(score => score.Index));
        Assert.Equal(5.0 / 8, best[0].Probability, 6);
        Assert.Equal(2.0 / 8, best[1].Probability, 6);
    }

    [Fact]
    public void Probabilities_of_several_classes_a_picture_are_each_a_sigmoid_and_those_below_the_threshold_are_left_out()
    {
        using Backbone model = Answering(MathF.Log(3), MathF.Log(9), MathF.Log(1f / 4));      // odds 3, 9 and 1/4
        using Predictor predictor = new(model, Labels, multiLabel: true);
        IReadOnlyList<ClassScore> likely = predictor.Predict(Picture);
        Assert.Equal(["b", "a"], likely.Select(score => score.Label));
        Assert.Equal(0.9, likely[0].Probability, 6);
        Assert.Equal(0.75, likely[1].Probability, 6);
        Assert.Equal(0.2, predictor.Predict(Picture, threshold: 0)[2].Probability, 6);
        Assert.Equal(["b"], predictor.Predict(Picture, threshold: 0.8).Select(score => score.Label));
    }

    [Fact]
    public void A_model_without_a_classifier_or_with_another_number_of_classes_is_refused()
    {
        using Backbone bare = TinyVit.Create();
        Assert.Contains("no classifier", Assert.Throws<ArgumentException>(() => new Predictor(bare, Labels)).Message);
        using Backbone model = Answering(0, 0, 0);
        Assert.Contains("3 classes apart, got 2 labels", Assert.Throws<ArgumentException>(() => new Predictor(model, ["a", "b"])).Message);
        using Predictor predictor = new(model, Labels);
        Assert.Throws<ArgumentOutOfRangeException>(() => predictor.Predict(Picture, topK: 0));
    }

    /// <summary>A grey picture of 2 × 2 pixels, as PGM.</summary>
    private static byte[] Picture => [.. "P5 2 2 255\n"u8, 10, 200, 30, 90];

    private static Backbone Answering(params float[] logits)
    {
        Backbone model = TinyVit.Create();
        new LinearProbe(HeadKind.Plain).Attach(model, logits.Length, new Rng(0));
        model.Head!.Weight.Assign(new float[model.Head.Weight.Length]);
        model.Head.Bias.Assign(logits);
        return model;
    }
}
