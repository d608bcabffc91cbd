using Spectre.Console;
using Spectre.Console.Rendering;

namespace AdaptFormer.Cli.Output;

/// <summary>
/// The bars on a terminal, the one place that draws them: each is a line of title, bar, percentage, and as many facts as fit. The
/// display begins with the first bar, so that work which fails before shows none; when the work is over it is gone.
/// </summary>
internal sealed class Bars
{
    private const int Wide = 90, WideBar = 24, NarrowBar = 12, LeastTitle = 8;

    private readonly Lock _guard = new();
    private readonly List<Bar> _bars = [];
    private readonly Screen _screen;
    private readonly Lazy<ProgressContext> _display;
    private readonly TaskCompletionSource _over = new();
    private Task _drawing = Task.CompletedTask;

    private Bars(Screen screen)
    {
        _screen = screen;
        _display = new Lazy<ProgressContext>(Begin);
    }

    /// <summary>Carries out <paramref name="work"/>, which shows bars.</summary>
    /// <returns>What <paramref name="work"/> returns.</returns>
    public static T Show<T>(Screen screen, Func<Bars, T> work)
    {
        Bars bars = new(screen);
        try
        {
            return work(bars);
        }
        finally
        {
            bars._over.SetResult();
            bars._drawing.GetAwaiter().GetResult();
            screen.Moving = false;
        }
    }

    /// <summary>Adds a bar.</summary>
    public Bar Add()
    {
        ProgressContext display = _display.Value;
        lock (_guard)
        {
            Bar bar = new(this, display.AddTask("bar", maxValue: 1));     // Spectre wants a name; ours are drawn by the column
            _bars.Add(bar);
            return bar;
        }
    }

    // Spectre draws for as long as its callback runs: on a thread of its own, that waits.
    private ProgressContext Begin()
    {
        TaskCompletionSource<ProgressContext> begun = new();
        Progress display = _screen.Notes.Progress().AutoClear(true).HideCompleted(true).Columns(new Column(this));
        _screen.Moving = true;
        _drawing = Task.Factory.StartNew(
            () => display.Start(context =>
            {
                begun.SetResult(context);
                _over.Task.Wait();
            }),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Task.WaitAny(begun.Task, _drawing);
        return begun.Task.IsCompleted
            ? begun.Task.Result
            : throw new InvalidOperationException("The terminal cannot show bars.", _drawing.Exception);
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
        string percent = $"{Math.Floor(100 * Math.Clamp(share, 0, 1)),3} %";
        return (title + padding, new string(done, filled), new string(left, bar - filled), percent + said);
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

    private sealed class Column(Bars bars) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            lock (bars._guard)
            {
                if (bars._bars.Find(bar => bar.Id == task.Id) is not { TitleWidth: > 0 } bar) return Text.Empty;
                int titles = bars._bars.Max(b => b.TitleWidth);
                (string title, string done, string rest, string facts) = bar.Draw(titles, options.ConsoleSize.Width, options.Unicode);
                return new Paragraph()
                    .Append($"{title}  ").Append(done, new Style(Color.Green)).Append(rest, new Style(Color.Grey)).Append($" {facts}");
            }
        }
    }
}
