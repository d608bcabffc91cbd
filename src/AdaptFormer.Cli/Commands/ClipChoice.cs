using System.CommandLine;
using AdaptFormer.Models;

namespace AdaptFormer.Cli.Commands;

/// <summary>The options that say how a video is shown to a model that reads clips; what the adapter records holds for those that are left
/// out.</summary>
internal sealed class ClipChoice
{
    private readonly Option<int?> _segments =
        new("--segments") { Description = "Clips: how many of a video are answered together; as trained if left out.", HelpName = "n" };
    private readonly Option<int?> _crops =
        new("--crops") { Description = "Clips: how many places each is cut at, 1 or 3; as trained if left out.", HelpName = "n" };
    private readonly Option<FrameSampling?> _sampling =
        new("--sampling") { Description = "Clips: which frames, segments, dense or uniform; as trained if left out." };
    private readonly Option<int?> _rate =
        new("--sampling-rate")
        {
            Description = "Clips: distance between the frames of a dense clip; as trained if left out.",
            HelpName = "n"
        };

    private Option[] All => [_segments, _crops, _sampling, _rate];

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in All) command.Add(option);
    }

    /// <summary>The views that were asked for; null: as recorded.</summary>
    /// <param name="parsed">The call.</param>
    /// <param name="recorded">What belongs to the model.</param>
    /// <param name="clips">Whether the model reads clips.</param>
    /// <exception cref="ArgumentException">The model reads pictures, which have no such choice.</exception>
    public ClipViews? Views(ParseResult parsed, ClipViews? recorded, bool clips)
    {
        Option? given = Array.Find(All, option => parsed.GetResult(option) is not null);
        if (given is null) return null;
        if (!clips) throw new ArgumentException($"{given.Name} is for models that read clips; this one reads pictures.");
        ClipViews views = recorded ?? new ClipViews();
        return new ClipViews(
            parsed.GetValue(_sampling) ?? views.Sampling, parsed.GetValue(_rate) ?? views.SamplingRate,
                parsed.GetValue(_segments) ?? views.Segments, parsed.GetValue(_crops) ?? views.Crops);
    }
}
