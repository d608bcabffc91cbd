using Spectre.Console;
using Spectre.Console.Rendering;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// The bars on a terminal, the one place that draws them: each is a line of title, bar, percentage, and as many facts as fit. When
/// the work is over they are gone.
/// </summary>
internal sealed class Bars
{
    private const int Wide = 90, WideBar = 24, NarrowBar = 12, LeastTitle = 8;

    private readonly Lock _guard = new();
    private readonly List<Bar> _bars = [];
    private readonly ProgressContext _context;

    private Bars(ProgressContext context) => _context = context;

    /// <summary>Carries out <paramref name="work"/>, which shows bars.</summary>
    /// <returns>What <paramref name="work"/> returns.</returns>
    public static T Show<T>(Screen screen, Func<Bars, T> work)
    {
        Column column = new();
        screen.Moving = true;
        try
        {
            return screen.Notes.Progress().AutoClear(true).HideCompleted(true).Columns(column)
                .Start(context => work(column.Bars = new Bars(context)));
        }
        finally
        {
            screen.Moving = false;
        }
    }

    /// <summary>Adds a bar.</summary>
    public Bar Add()
    {
        lock (_guard)
        {
            Bar bar = new(this, _context.AddTask("bar", maxValue: 1));     // Spectre wants a name; ours are drawn by the column
            _bars.Add(bar);
            return bar;
        }
    }

    /// <summary>A bar's line.</summary>
    /// <param name="title">What is done.</param>
    /// <param name="titleWidth">Cells of the longest title on the screen.</param>
    /// <param name="share">How much of it, in [0, 1].</param>
    /// <param name="facts">What else there is to say, the important first; those that do not fit are left out.</param>
    /// <param name="width">Cells of the terminal.</param>
    /// <param name="unicode">Whether it shows lines.</param>
    public static (string Title, string Done, string Left, string Facts) Line(
        string title, int titleWidth, double share, IEnumerable<string> facts, int width, bool unicode = true)
    {
        int bar = width >= Wide ? WideBar : NarrowBar, room = width - 1 - bar - "  100 %".Length - 1;
        int most = Math.Max(LeastTitle, Math.Min(titleWidth, room)), filled = (int)(Math.Clamp(share, 0, 1) * bar);
        if (Prose.Cells(title) > most) title = $"{title[..(most - 1)]}…";
        room -= most;
        string said = "";
        foreach (string fact in facts)
        {
            if (Prose.Cells(said) + 2 + Prose.Cells(fact) > room) break;
            said += $"  {fact}";
        }

        string padding = new(' ', Math.Max(0, most - Prose.Cells(title)));
        (char done, char left) = unicode ? ('━', '─') : ('#', '-');
        return (title + padding, new string(done, filled), new string(left, bar - filled), $"{Math.Floor(100 * Math.Clamp(share, 0, 1)),3} %{said}");
    }

    private void Remove(Bar bar)
    {
        lock (_guard) _bars.Remove(bar);
    }

    /// <summary>A bar.</summary>
    internal sealed class Bar(Bars bars, ProgressTask task)
    {
        private sealed record Look(string Title, double Share, IReadOnlyList<string> Facts);

        private Look _look = new("", 0, []);

        /// <summary>The task that Spectre draws.</summary>
        public int Id => task.Id;

        /// <summary>Cells of its title.</summary>
        public int TitleWidth => Prose.Cells(_look.Title);

        /// <summary>Moves it; from any thread.</summary>
        /// <param name="title">What is done.</param>
        /// <param name="done">How much.</param>
        /// <param name="of">Of how much.</param>
        /// <param name="facts">What else there is to say, the important first.</param>
        public void Move(string title, double done, double of, params IEnumerable<string> facts) =>
            _look = new Look(CleanText.Of(title), of > 0 ? done / of : 0, [.. facts.Select(CleanText.Of)]);

        /// <summary>Takes it away.</summary>
        public void Remove()
        {
            bars.Remove(this);
            task.StopTask();
        }

        /// <summary>Its line.</summary>
        public (string Title, string Done, string Left, string Facts) Draw(int titleWidth, int width, bool unicode)
        {
            Look look = _look;
            return Line(look.Title, titleWidth, look.Share, look.Facts, width, unicode);
        }
    }

    private sealed class Column : ProgressColumn
    {
        public Bars? Bars { get; set; }

        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            if (Bars is null) return Text.Empty;
            lock (Bars._guard)
            {
                if (Bars._bars.Find(bar => bar.Id == task.Id) is not { TitleWidth: > 0 } bar) return Text.Empty;
                int titles = Bars._bars.Max(b => b.TitleWidth);
                (string title, string done, string rest, string facts) = bar.Draw(titles, options.ConsoleSize.Width, options.Unicode);
                return new Paragraph()
                    .Append($"{title}  ").Append(done, new Style(Color.Green)).Append(rest, new Style(Color.Grey)).Append($" {facts}");
            }
        }
    }
}
