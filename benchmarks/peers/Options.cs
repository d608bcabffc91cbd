using System.Globalization;

namespace AdaptFormer.Peers;

/// <summary>What follows a command: <c>--name value</c>, or <c>--name</c> alone for a switch.</summary>
internal sealed class Options
{
    private readonly Dictionary<string, string> _given = new(StringComparer.Ordinal);

    /// <summary>Reads <paramref name="arguments"/>.</summary>
    /// <exception cref="ArgumentException">One of them is no option.</exception>
    public Options(string[] arguments)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal))
                throw new ArgumentException($"'{arguments[i]}' is no option; they begin with --.");
            bool alone = i + 1 == arguments.Length || arguments[i + 1].StartsWith("--", StringComparison.Ordinal);
            _given[arguments[i][2..]] = alone ? "" : arguments[++i];
        }
    }

    /// <summary>Whether <paramref name="name"/> was given.</summary>
    public bool Has(string name) => _given.ContainsKey(name);

    /// <summary>The value of <paramref name="name"/>, or <paramref name="otherwise"/>.</summary>
    /// <exception cref="ArgumentException">It is missing, and there is nothing else to take.</exception>
    public string Text(string name, string? otherwise = null) =>
        _given.GetValueOrDefault(name) ?? otherwise ?? throw new ArgumentException($"--{name} is missing.");

    /// <summary>The number given as <paramref name="name"/>, or <paramref name="otherwise"/>.</summary>
    /// <exception cref="ArgumentException">It is no number.</exception>
    public double Number(string name, double otherwise) => !_given.TryGetValue(name, out string? text) ? otherwise
        : double.TryParse(text, CultureInfo.InvariantCulture, out double value) ? value
        : throw new ArgumentException($"--{name} {text} is no number.");

    /// <summary>As <see cref="Number"/>, a whole one.</summary>
    public int Count(string name, int otherwise) => (int)Number(name, otherwise);
}
