using System.Globalization;

namespace AdaptFormer.Experiments;

/// <summary>A round of successive halving.</summary>
/// <param name="Combinations">How many combinations train in it.</param>
/// <param name="Epochs">For how long each.</param>
public readonly record struct Rung(int Combinations, int Epochs);

/// <summary>
/// Successive halving: all combinations train briefly, the better ones longer, the best for the full length. Each rung gets about the same
/// share of the budget, and each of its trainings starts anew with a schedule of its own length, because half of a cosine is not a short
/// cosine. Rounds before the last are decided by the validation loss, the last one by accuracy.
/// </summary>
/// <param name="Rungs">The rounds, from many short trainings to few full ones.</param>
/// <param name="Combinations">Combinations of the full grid.</param>
/// <param name="Epochs">Full length of a training.</param>
/// <remarks>Jamieson and Talwalkar, AISTATS 2016.</remarks>
public sealed record HalvingPlan(IReadOnlyList<Rung> Rungs, int Combinations, int Epochs)
{
    /// <summary>Epochs of all rungs together.</summary>
    public long Cost => Rungs.Sum(rung => (long)rung.Combinations * rung.Epochs);

    /// <summary>Epochs of the full grid.</summary>
    public long GridCost => (long)Combinations * Epochs;

    /// <summary>Plans rungs that cost at most <paramref name="share"/> of the full grid's epochs. If even one epoch of each combination
    /// is too much, the first rung takes fewer.</summary>
    /// <param name="combinations">Combinations of the full grid, at least 2.</param>
    /// <param name="epochs">Full length of a training, at least 1.</param>
    /// <param name="share">In (0, 1]; 1 is the grid itself.</param>
    /// <exception cref="ArgumentException">The share does not pay for two short trainings and a full one; the message says what
    /// would.</exception>
    public static HalvingPlan Create(int combinations, int epochs, double share)
    {
        if (combinations < 2) throw new ArgumentException("There is nothing to choose from; give a grid of at least two combinations.");
        if (epochs < 1 || !(share is > 0 and <= 1))
            throw new ArgumentException($"The budget is a share of the grid's cost in (0, 1], got {share}.");
        double budget = share * combinations * epochs;
        if (share == 1) return new HalvingPlan([new Rung(combinations, epochs)], combinations, epochs);

        int most = 1 + (int)Math.Log2(epochs);
        for (int rungs = most; rungs >= 2; rungs--)
            if (budget / rungs >= epochs && Ladder(combinations, epochs, budget, rungs,
                finalists: null) is { } fair) return new HalvingPlan(fair, combinations, epochs);
        for (int rungs = most; rungs >= 2; rungs--)
            if (Ladder(combinations, epochs, budget, rungs, finalists: 1) is { } narrow) return new HalvingPlan(narrow, combinations,
                epochs);

        int some = (int)Math.Min(combinations, Math.Floor(budget - epochs));
        if (some >= 2 && epochs > 1) return new HalvingPlan([new Rung(some, 1), new Rung(1, epochs)], combinations, epochs);
        throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
            $"{100 * share:0.#} % of {combinations} combinations × {epochs} epochs are {budget:0.#} epochs, too few to choose; give a "
            + $"budget of at least {Math.Min(1, (epochs + 2.0) / ((double)combinations * epochs)):0.000}, or more epochs."));
    }

    /// <summary>Rungs from all combinations to the finalists, lengths in a geometric row; null if the budget does not reach.</summary>
    private static List<Rung>? Ladder(int combinations, int epochs, double budget, int rungs, int? finalists)
    {
        double open = finalists is { } few ? budget - (few * epochs) : budget;
        int shares = finalists is null ? rungs : rungs - 1, first = (int)(open / shares / combinations);
        if (first < 1 || first >= epochs) return null;

        List<Rung> ladder = [new Rung(combinations, first)];
        open -= (double)combinations * first;
        for (int k = 1; k < rungs; k++)
        {
            int length = k == rungs - 1 ? epochs : (int)Math.Round(first * Math.Pow((double)epochs / first, (double)k / (rungs - 1)));
            if (length <= ladder[^1].Epochs) return null;
            bool last = k == rungs - 1;
            int count = last && finalists is { } fixedCount ? fixedCount : (int)(open / Math.Max(1, shares - k) / length);
            if (count < 1) return null;
            count = Math.Min(count, ladder[^1].Combinations);
            ladder.Add(new Rung(count, length));
            if (!last || finalists is null) open -= (double)count * length;
        }

        return ladder;
    }
}
