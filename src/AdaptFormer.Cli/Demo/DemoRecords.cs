using System.Text.Json.Serialization;
using AdaptFormer.Inference;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Statistics;

namespace AdaptFormer.Cli.Demo;

/// <summary>A method's training under one seed.</summary>
/// <param name="Run">Its outcome.</param>
/// <param name="TrainTop1">Percent of its training pictures that were right in the last epoch.</param>
internal sealed record DemoTraining(TrainingSummary Run, double TrainTop1);

/// <summary>A row of the demo's table.</summary>
/// <param name="Method">What the table calls the method.</param>
/// <param name="BaseLr">Its learning rate for a batch of 256.</param>
/// <param name="TrainableParameters">Numbers that training changed.</param>
/// <param name="TrainablePercent">The same as percent of all.</param>
/// <param name="TrainTop1">Percent of training pictures that were right in the last epoch, mean of the seeds.</param>
/// <param name="TestTop1">Percent of test pictures that were right, mean of the seeds.</param>
/// <param name="TestTop1Std">Its standard deviation over seeds; null for one seed.</param>
/// <param name="TestTop1PerSeed">The same by seed.</param>
/// <param name="Seconds">Duration of training and scoring, of all seeds.</param>
/// <param name="AdapterBytes">Size of the file of what was learned.</param>
/// <param name="Adapter">That file, of the first seed.</param>
internal sealed record DemoRow(
    string Method, double BaseLr, long TrainableParameters, double TrainablePercent, double TrainTop1, double TestTop1, double? TestTop1Std,
    IReadOnlyList<double> TestTop1PerSeed, double Seconds, long AdapterBytes, string Adapter)
{
    public static DemoRow Of(DemoMethod method, IReadOnlyList<DemoTraining> trainings)
    {
        TrainingSummary first = trainings[0].Run;
        Spread test = Spread.Of(trainings.Select(training => training.Run.TestTop1))!;
        return new DemoRow(
            method.Name, method.BaseLr, first.TrainableParameters, 100.0 * first.TrainableParameters / first.TotalParameters,
            trainings.Average(training => training.TrainTop1), test.Mean, test.Std, test.Values,
            trainings.Sum(training => training.Run.Seconds), first.AdapterBytes, first.Adapter!);
    }
}

/// <summary>What a model says about a picture.</summary>
/// <param name="Picture">The file.</param>
/// <param name="Method">Whose adapter was used.</param>
/// <param name="Truth">What it was drawn as.</param>
/// <param name="Guesses">The three likeliest classes.</param>
internal sealed record DemoPrediction(string Picture, string Method, string Truth, IReadOnlyList<ClassScore> Guesses)
{
    /// <summary>Whether the likeliest class is what it was drawn as.</summary>
    public bool Right => Guesses[0].Label == Truth;
}

/// <summary>All of the demo.</summary>
/// <param name="Synthetic">True: the pictures are drawn by this program.</param>
/// <param name="Seeds">The runs' seeds.</param>
/// <param name="Backend">What ran the arithmetic.</param>
/// <param name="TrainImages">Pictures trained on.</param>
/// <param name="TestImages">Pictures scored.</param>
/// <param name="Epochs">Passes over the training pictures.</param>
/// <param name="Results">One row a method, in the order in which they ran.</param>
/// <param name="Prediction">The picture at the end.</param>
/// <param name="Seconds">Duration of all of it.</param>
internal sealed record DemoSummary(
    bool Synthetic, IReadOnlyList<long> Seeds, string Backend, int TrainImages, int TestImages, int Epochs, IReadOnlyList<DemoRow> Results,
    DemoPrediction Prediction, double Seconds);

/// <summary>How the demo is written for scripts.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(DemoRow))]
[JsonSerializable(typeof(DemoSummary))]
internal sealed partial class DemoJson : JsonSerializerContext;
