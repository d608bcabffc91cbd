using Spectre.Console;

namespace AdaptFormer.Cli.Output;

/// <summary>The one place where a moving bar is made or renamed: names are plain text, and Spectre accepts no empty one.</summary>
internal static class Bars
{
    /// <summary>Adds a bar.</summary>
    /// <param name="context">The bars on the screen.</param>
    /// <param name="title">Its name, plain text; it may be empty.</param>
    /// <param name="most">Where it ends.</param>
    public static ProgressTask Add(ProgressContext context, string title, double most = 100) => context.AddTask(Name(title), maxValue: Math.Max(1, most));

    /// <summary>Moves a bar.</summary>
    /// <param name="bar">The bar.</param>
    /// <param name="title">Its name from now on.</param>
    /// <param name="value">Where it is.</param>
    /// <param name="most">Where it ends.</param>
    public static void Move(ProgressTask bar, string title, double value, double most)
    {
        bar.MaxValue = Math.Max(1, most);
        bar.Value = value;
        bar.Description = Name(title);
    }

    private static string Name(string title) => string.IsNullOrWhiteSpace(title) ? "…" : Markup.Escape(title);
}
