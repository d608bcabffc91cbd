using System.Globalization;
using AdaptFormer.Tensors;

namespace AdaptFormer.Experiments;

/// <summary>What a random search draws a value from.</summary>
public abstract record Distribution
{
    private const string Forms = "uniform(low,high), loguniform(low,high), int(low,high) or choice(a,b,…)";

    /// <summary>A value, as it stands behind <c>--set key=</c>.</summary>
    public abstract string Draw(Rng rng);

    /// <summary>Reads <c>uniform(low,high)</c>, <c>loguniform(low,high)</c>, <c>int(low,high)</c> (both ends included) or
    /// <c>choice(a,b,…)</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="owner">Whose it is, for the message.</param>
    /// <exception cref="ArgumentException">It is none of these, or its numbers make no range.</exception>
    public static Distribution Parse(string text, string owner)
    {
        int open = text.IndexOf('(', StringComparison.Ordinal);
        if (open <= 0 || !text.EndsWith(')')) throw Wrong($"is '{text}'");
        List<string> values = ValueList.Split(text[(open + 1)..^1]);
        string form = text[..open].Trim();
        if (form == "choice") return values.All(value => value.Length > 0) ? new Choice(values) : throw Wrong("has an empty choice");
        if (form is not ("uniform" or "loguniform" or "int")) throw Wrong($"is '{text}'");
        if (values.Count != 2 || !Number(values[0], out double low) || !Number(values[1], out double high))
            throw Wrong($"is '{text}', without two numbers");
        if (low > high) throw Wrong($"is '{text}', whose low end is above the high one");
        if (form == "loguniform" && low <= 0) throw Wrong($"is '{text}', whose low end must be above 0");
        if (form == "int" && (low != Math.Floor(low) || high != Math.Floor(high) || high - low >= int.MaxValue))
            throw Wrong($"is '{text}', without whole numbers");
        return form switch
        {
            "uniform" => new Uniform(low, high),
            "loguniform" => new LogUniform(low, high),
            _ =>
            new WholeNumber((long)low, (long)high)
        };

        ArgumentException Wrong(string what) => new($"{owner} {what}; expected {Forms}.");
        static bool Number(string value, out double number) =>
            double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);
    }

    // Four digits say all that a search can tell apart, and stay readable.
    private static string Show(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    /// <summary>Every number between two equally likely.</summary>
    public sealed record Uniform(double Low, double High) : Distribution
    {
        /// <inheritdoc/>
        public override string Draw(Rng rng) => Show(rng.NextUniform(Low, High));
    }

    /// <summary>Every ratio equally likely: as often between 0.001 and 0.01 as between 0.01 and 0.1.</summary>
    public sealed record LogUniform(double Low, double High) : Distribution
    {
        /// <inheritdoc/>
        public override string Draw(Rng rng) => Show(Math.Exp(rng.NextUniform(Math.Log(Low), Math.Log(High))));
    }

    /// <summary>Every whole number between two, ends included.</summary>
    public sealed record WholeNumber(long Low, long High) : Distribution
    {
        /// <inheritdoc/>
        public override string Draw(Rng rng) => (Low + rng.NextInt((int)(High - Low + 1))).ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>One of several.</summary>
    public sealed record Choice(IReadOnlyList<string> Values) : Distribution
    {
        /// <inheritdoc/>
        public override string Draw(Rng rng) => Values[rng.NextInt(Values.Count)];
    }
}
