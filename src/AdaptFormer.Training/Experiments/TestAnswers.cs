using System.Text.Json;
using AdaptFormer.Data;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;
using AdaptFormer.Training.Metrics;
using AdaptFormer.Training.Recipes;
using AdaptFormer.Training.Runs;

namespace AdaptFormer.Training.Experiments;

/// <summary>What a trained model says about every test picture.</summary>
/// <param name="Top1">Percent right.</param>
/// <param name="Top5">Percent with the label among the first five.</param>
/// <param name="Loss">Mean loss of the readable pictures.</param>
/// <param name="ClassNames">Names of the classes.</param>
/// <param name="Pictures">The pictures' files, or what stands for them, in the data set's order.</param>
/// <param name="Labels">The right class of each; -1 for a picture that could not be read.</param>
/// <param name="Predicted">The class with the largest logit.</param>
/// <param name="Confidence">Its probability, in [0, 1].</param>
/// <param name="Right">Whether the answer counts: a tie with another class does not.</param>
public sealed record TestAnswers(
    double Top1, double Top5, double Loss, IReadOnlyList<string> ClassNames, IReadOnlyList<string> Pictures, int[] Labels, int[] Predicted, float[] Confidence, bool[] Right)
{
    /// <summary>Opens the test data of <paramref name="recipe"/> and asks what a run has learned.</summary>
    /// <param name="recipe">The run's recipe, with its test data.</param>
    /// <param name="adapter">The run's adapter file.</param>
    /// <param name="progress">Gets the batches done and all batches; may be null.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="InvalidDataException">The adapter is damaged, or the test data do not fit.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static TestAnswers Ask(Recipe recipe, string adapter, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        using Backbone model = RecipeBackbone.Load(recipe);
        AdapterInfo info = AdapterFile.Load(adapter, model);
        using RecipeData data = RecipeData.Open(recipe, RecipeBackbone.Pictures(recipe, model), model.InputShape);
        PixelSource test = new(data.Test ?? throw new ArgumentException("TestAnswers: the recipe has no test data."));
        int count = data.Test.Dataset.Count, next = 0, done = 0;
        TestAnswers answers = new(0, 0, 0, info.Labels, [.. Enumerable.Range(0, count).Select(data.Test.Dataset.Source)], new int[count], new int[count], new float[count], new bool[count]);
        Evaluator scores = new();
        ViewMean views = new(test.Views);
        foreach (InputBatch batch in test.Epoch(0))
        {
            cancellation.ThrowIfCancellationRequested();
            using InputBatch _ = batch;
            using TensorScope scope = new();
            views.Add(test.Forward(model, batch.Input), batch.Labels, batch.Targets, (logits, labels, targets) =>
            {
                scores.Add(logits, labels, targets);
                answers.Take(next++, labels[0], logits.Span);
            });
            progress?.Invoke(++done, test.BatchesPerEpoch);
        }

        return answers with { Top1 = scores.Scores.Top1, Top5 = scores.Scores.Top5, Loss = scores.Scores.Loss };
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It holds something else.</exception>
    public static TestAnswers Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), ExperimentJson.Default.TestAnswers) ?? throw new JsonException("it is null");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path} does not hold the answers to test pictures: {error.Message}", error);
        }
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ExperimentJson.Default.TestAnswers);

    private void Take(int index, int label, ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int k = 1; k < logits.Length; k++)
            if (logits[k] > logits[best]) best = k;
        double sum = 0;
        foreach (float logit in logits) sum += Math.Exp(logit - logits[best]);
        bool readable = label != Batch.Unreadable;
        Labels[index] = readable ? label : -1;
        Predicted[index] = best;
        Confidence[index] = (float)(1 / sum);
        Right[index] = readable && TopKAccuracy.Rank(logits, label) == 0;
    }
}
