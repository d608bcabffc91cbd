using System.Text.Json;
using System.Text.Json.Serialization;
using AdaptFormer.Data.Loading;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Peft;
using AdaptFormer.Runs.Recipes;
using AdaptFormer.Training;

namespace AdaptFormer.Runs.Experiments;

/// <summary>What a trained model says about every test picture.</summary>
/// <param name="Top1">Percent right.</param>
/// <param name="Top5">Percent with the label among the first five.</param>
/// <param name="Loss">Mean loss of the readable pictures.</param>
/// <param name="ClassNames">Names of the classes.</param>
/// <param name="Pictures">The pictures' files, or what stands for them, in the data set's order.</param>
/// <param name="Labels">The right class of each; -1 for a picture that could not be read; see <see cref="Answer"/>.</param>
/// <param name="Predicted">The class with the largest logit.</param>
/// <param name="Confidence">Its probability, in [0, 1].</param>
/// <param name="Right">Whether the answer counts: a tie with another class does not.</param>
public sealed record TestAnswers(
    double Top1, double Top5, double Loss, IReadOnlyList<string> ClassNames, IReadOnlyList<string> Pictures, int[] Labels, int[] Predicted,
        float[] Confidence, bool[] Right)
{
    private const int MaxBytes = 1 << 30;

    /// <summary>Mean average precision in percent, in ASL's definition; null where a picture has one class.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Map { get; init; }

    /// <summary>Opens the test data of <paramref name="recipe"/> and asks what a run has learned.</summary>
    /// <param name="recipe">The run's recipe, with its test data.</param>
    /// <param name="adapter">The run's adapter file.</param>
    /// <param name="progress">Gets the batches done and all batches; may be null.</param>
    /// <param name="cancellation">Stops between two batches.</param>
    /// <exception cref="InvalidDataException">The adapter is damaged, or the test data do not fit.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static TestAnswers Ask(
        Recipe recipe, string adapter, Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        using Backbone model = RecipeBackbone.Load(recipe);
        AdapterInfo info = AdapterFile.Load(adapter, model);
        using RecipeData data = RecipeData.Open(recipe, RecipeBackbone.Pictures(recipe, model), model.InputShape);
        DataLoader test = data.Test ?? throw new ArgumentException("TestAnswers: the recipe has no test data.");
        Evaluator scored = Evaluator.Score(model, test, (_, done) => progress?.Invoke(done, test.BatchesPerEpoch), cancellation);
        (Scores scores, IReadOnlyList<Answer> answers) = (scored.Result, scored.Answers);
        return new TestAnswers(
            scores.Top1, scores.Top5, scores.Loss, info.Labels, [.. Enumerable.Range(0, test.Dataset.Count).Select(test.Dataset.Source)],
            [.. answers.Select(answer => answer.Label)], [.. answers.Select(answer => answer.Predicted)],
                [.. answers.Select(answer => answer.Confidence)], [.. answers.Select(answer => answer.Right)])
        { Map = scores.MeanAp };
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="InvalidDataException">It holds something else.</exception>
    public static TestAnswers Read(string path)
    {
        try
        {
            string text = JsonText.Read(path, MaxBytes, "answers to test pictures");
            TestAnswers answers = JsonSerializer.Deserialize(text, ExperimentJson.Default.TestAnswers)
                ?? throw new JsonException("it is null");
            int count = answers.Pictures.Count;
            if (answers.Labels.Length != count || answers.Predicted.Length != count || answers.Confidence.Length != count
                || answers.Right.Length != count)
                throw new JsonException("its lists are not of one length");
            return answers;
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{path} does not hold the answers to test pictures: {JsonText.Explain(error)}.", error);
        }
    }

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ExperimentJson.Default.TestAnswers);
}
