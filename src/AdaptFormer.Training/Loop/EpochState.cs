using System.Text.Json.Serialization;

namespace AdaptFormer.Training.Loop;

/// <summary>What was seen so far of an epoch that is in progress: what a checkpoint within it needs beside the numbers of the
/// model.</summary>
internal sealed class EpochState
{
    /// <summary>Batches done, of all processes.</summary>
    public int Batches { get; set; }

    /// <summary>Pictures in them.</summary>
    public int Images { get; set; }

    /// <summary>Sum of their losses, each weighed by its pictures.</summary>
    public double LossSum { get; set; }

    /// <summary>The learning rate of the last step.</summary>
    public double Lr { get; set; }

    /// <summary>The task's figures, by name.</summary>
    public Dictionary<string, FigureSum> Figures { get; init; } = [];

    /// <summary>Mean loss.</summary>
    [JsonIgnore]
    public double Loss => LossSum / Images;

    /// <summary>Takes a batch in.</summary>
    public void Take(SeenBatch seen)
    {
        LossSum += seen.Loss * seen.Count;
        Images += seen.Count;
        Batches++;
        foreach ((string name, double value, int count) in seen.Figures)
        {
            if (count == 0) continue;
            FigureSum sum = Figures.GetValueOrDefault(name);
            Figures[name] = new FigureSum(sum.Sum + (value * count), sum.Count + count);
        }
    }

    /// <summary>The means of the figures, by name.</summary>
    public Dictionary<string, double> Means() =>
        Figures.ToDictionary(figure => figure.Key, figure => figure.Value.Sum / figure.Value.Count);
}

/// <summary>A figure over the pictures of an epoch.</summary>
/// <param name="Sum">Its sum.</param>
/// <param name="Count">The pictures.</param>
internal readonly record struct FigureSum(double Sum, long Count);
