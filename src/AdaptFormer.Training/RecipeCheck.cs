using System.Globalization;

namespace AdaptFormer.Training;

/// <summary>Collects what is wrong with a recipe, so that all of it is reported at once.</summary>
/// <param name="section">Key of the section in hand, for example <c>optimizer</c>; empty at the top.</param>
/// <param name="problems">Where problems go.</param>
public sealed class RecipeCheck(string section, IList<string> problems)
{
    /// <summary>The same list, for the keys of a section below this one.</summary>
    public RecipeCheck At(string key) => new(Path(key), problems);

    /// <summary>Notes a problem such as <c>optimizer.momentum is 1.5; expected a number in [0, 1)</c> unless
    /// <paramref name="holds"/>.</summary>
    /// <param name="holds">Whether the rule is kept.</param>
    /// <param name="key">The key in this section.</param>
    /// <param name="value">What the recipe says.</param>
    /// <param name="expected">What would be right.</param>
    public void Require(bool holds, string key, object? value, string expected)
    {
        if (!holds) problems.Add($"{Path(key)} is {Show(value)}; expected {expected}");
    }

    private string Path(string key) => section.Length == 0 ? key : $"{section}.{key}";

    private static string Show(object? value) => value switch
    {
        null => "null",
        string text => $"'{text}'",
        bool flag => flag ? "true" : "false",
        System.Collections.IEnumerable list => $"[{string.Join(", ", list.Cast<object?>().Select(Show))}]",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "null",
    };
}
