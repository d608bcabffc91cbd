using System.CommandLine;
using System.Globalization;
using System.Runtime.CompilerServices;
using AdaptFormer.Cli.Output;
using AdaptFormer.Cuda;
using AdaptFormer.Distributed;
using AdaptFormer.Tensors;
using AdaptFormer.Tensors.Backends.OneDnn;

namespace AdaptFormer.Cli.Commands;

/// <summary>
/// <c>--device</c> of every command that computes: where it does. Without it the environment variable <c>ADAPTFORMER_BACKEND</c> says it,
/// and without that the CPU computes.
/// </summary>
internal static class DeviceChoice
{
    private const string Name = "--device", Cpu = "cpu", Auto = "auto", Cuda = "cuda";
    private static readonly ConditionalWeakTable<Command, Option<string>> Computing = [];
    private static int _trials;

    /// <summary>Gives these commands the option.</summary>
    public static void AddTo(params ReadOnlySpan<Command> commands)
    {
        foreach (Command command in commands)
        {
            Option<string> device = Asked("What computes: cpu, an NVIDIA card (cuda, or cuda:1 for the second), or auto for a card where "
                + "there is one.");
            command.Add(device);
            Computing.Add(command, device);
        }
    }

    /// <summary>The option alone, for a command that only tells of a device.</summary>
    public static Option<string> Asked(string description)
    {
        Option<string> device = new(Name) { Description = description, HelpName = "cpu|cuda[:n]|auto" };
        device.Offer([Cpu, Cuda, Auto], "cpu|cuda[:n]|auto");
        return device;
    }

    /// <summary>The number of the card that these words mean; null for the CPU.</summary>
    /// <exception cref="ArgumentException">It is not a device.</exception>
    public static int? OrdinalOf(string text, string source = Name)
    {
        if (text is Cpu) return null;
        int ordinal = 0;
        bool known = text is Auto or Cuda || (text.StartsWith(Cuda + ":", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(Cuda.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ordinal));
        return known ? ordinal
            : throw new ArgumentException($"{source} '{text}' is not known; known: {Cpu}, {Cuda}, {Cuda}:N (N from 0), {Auto}.");
    }

    /// <summary>Makes what was asked for the current backend until the result is disposed; null for the CPU.</summary>
    /// <exception cref="ArgumentException">It is not a device.</exception>
    /// <exception cref="CudaException">There is no such card, or it cannot be used.</exception>
    public static IDisposable? Use(ParseResult parsed, Screen screen)
    {
        if (!Computing.TryGetValue(parsed.CommandResult.Command, out Option<string>? option)) return null;
        return Find(parsed.GetValue(option), screen) is { } device ? Backend.Use(device.Backend) : null;
    }

    /// <summary>How many trainings a comparison or a sweep runs side by side on cards: one on each; null on the CPU.</summary>
    public static int? Jobs => Backend.Current.Device == Device.Host ? null : CudaDevice.Probe().Cards.Count;

    /// <summary>
    /// The device of the next training that a comparison or a sweep starts, as the environment variable says it: the cards in turn.
    /// </summary>
    public static string? OfNextTrial()
    {
        if (Backend.Current.Device == Device.Host) return null;
        int cards = CudaDevice.Probe().Cards.Count;
        return string.Create(CultureInfo.InvariantCulture, $"{Cuda}:{(Interlocked.Increment(ref _trials) - 1) % cards}");
    }

    private static Device? Find(string? asked, Screen screen)
    {
        string? backend = Environment.GetEnvironmentVariable(OneDnn.BackendVariable);
        (string? text, string source) = asked is not null ? (asked, Name)
            : backend is not null && (backend == Auto || backend.StartsWith(Cuda, StringComparison.Ordinal))
                ? (backend, OneDnn.BackendVariable)
            : (null, "");
        if (text is null || OrdinalOf(text, source) is not { } ordinal) return null;
        CudaProbe here = CudaDevice.Probe();
        if (here.Why is null) return CudaDevice.Open(text.Contains(':') ? ordinal : OwnOfRank(here.Cards.Count));
        if (text == Auto) screen.Note($"{here.Why} The CPU computes.");
        else screen.Warn($"{source} {text}: {here.Why} The CPU computes.");
        return null;
    }

    // Of processes that a launcher started on one machine each takes a card of its own, as far as there are cards.
    private static int OwnOfRank(int cards) => Launch.LocalRank(Environment.GetEnvironmentVariable) is { } rank ? rank % cards : 0;
}
