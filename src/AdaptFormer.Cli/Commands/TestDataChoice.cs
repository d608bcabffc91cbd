using System.CommandLine;
using AdaptFormer.Data;
using AdaptFormer.Data.Checking;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Data.Loading;
using AdaptFormer.Inference;
using AdaptFormer.Models;
using AdaptFormer.Runs;
using AdaptFormer.Runs.Recipes;

namespace AdaptFormer.Cli.Commands;

/// <summary>The options that say which labelled data a trained model answers: a data set of pictures or of clips, or the test data of a
/// run's recipe.</summary>
internal sealed class TestDataChoice
{
    private const int PicturesAtOnce = 32, ViewsAtOnce = 4;

    private readonly ClipChoice _clip = new();
    private readonly Option<string> _data;
    private readonly Option<string> _kind =
        new("--kind")
        {
            Description =
            $"Layout of the data: {string.Join(", ", DatasetSource.Kinds)}; of clips: {string.Join(", ", DatasetSource.ClipKinds)}; told "
                + $"by what is there if left out."
        };
    private readonly Option<string> _labelColumn =
        new("--label-column") { Description = "Header of the labels in a CSV file, if it is none of the usual ones.", HelpName = "name" };
    private readonly Option<string> _root =
        new("--root")
        {
            Description =
            "Clips: the folder that the paths of a list are relative to; that of the list, or the run's, if left out.",
            HelpName = "folder"
        };
    private readonly Option<int?> _batch =
        new("--batch")
        {
            Description =
            $"Pictures per pass through the model, or views of clips; {PicturesAtOnce} pictures or {ViewsAtOnce} views if left out.",
            HelpName = "n"
        };

    /// <summary>The options.</summary>
    /// <param name="what">What <c>--data</c> names, in words.</param>
    public TestDataChoice(string what) =>
        _data = new("--data") { Description = $"{what}; the test data of the recipe if a run is given.", HelpName = "path" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_data, _kind, _labelColumn, _root, _batch]) command.Add(option);
        _clip.AddTo(command);
    }

    /// <summary>Whether data are named.</summary>
    public bool IsNamed(ParseResult parsed) => parsed.GetValue(_data) is not null;

    /// <summary>Makes sure that there are data and that numbers are in range, before anything is opened.</summary>
    /// <exception cref="ArgumentException">They are not.</exception>
    public void Check(ParseResult parsed, string? run)
    {
        if (parsed.GetValue(_batch) < 1) throw new ArgumentException($"--batch is {parsed.GetValue(_batch)}; expected at least 1.");
        Named(parsed, run);
    }

    /// <summary>A loader of the data, for scoring.</summary>
    /// <param name="parsed">The call.</param>
    /// <param name="run">The run directory that was named, if any.</param>
    /// <param name="name">What the model is called in messages.</param>
    /// <param name="predictor">The model.</param>
    /// <exception cref="ArgumentException">The model does not read such data.</exception>
    /// <exception cref="InvalidDataException">The data have other classes than the model.</exception>
    public DataLoader Load(ParseResult parsed, string? run, string name, Predictor predictor)
    {
        Source source = Named(parsed, run);
        ClipViews? views = _clip.Views(parsed, predictor.Pictures.Clips, predictor.ReadsClips);
        LabelledDataset dataset = Open(source, predictor, parsed.GetValue(_labelColumn));
        DatasetSplits.RequireSameClasses(predictor.Labels, name, dataset);
        if (dataset.MultiLabel && !predictor.MultiLabel)
            throw new InvalidDataException($"{dataset.Name} has several classes a picture; {name} was trained to give one.");
        return Load(parsed, predictor, dataset, views);
    }

    /// <summary>A loader of pictures or clips without labels.</summary>
    /// <param name="parsed">The call.</param>
    /// <param name="predictor">The model.</param>
    /// <param name="paths">Files and folders.</param>
    /// <exception cref="IOException">There is nothing at a path.</exception>
    /// <exception cref="InvalidDataException">A folder holds nothing that the model reads.</exception>
    public DataLoader LoadUnlabelled(ParseResult parsed, Predictor predictor, IReadOnlyList<string> paths)
    {
        ClipViews? views = _clip.Views(parsed, predictor.Pictures.Clips, predictor.ReadsClips);
        return Load(parsed, predictor, UnlabelledDataset.Of(paths, predictor.ReadsClips), views);
    }

    private DataLoader Load(ParseResult parsed, Predictor predictor, LabelledDataset dataset, ClipViews? views) =>
        predictor.Load(dataset, parsed.GetValue(_batch) ?? (predictor.ReadsClips ? ViewsAtOnce : PicturesAtOnce), views);

    private Source Named(ParseResult parsed, string? run)
    {
        (string? kind, string? root) = (parsed.GetValue(_kind), parsed.GetValue(_root));
        if (parsed.GetValue(_data) is { } data)
            return new Source(kind ?? DataOptions.Auto, data, root, LeaveMissingOut: false, LeaveDamagedOut: false);
        if (run is null) throw new ArgumentException("Which data? Give --data PATH.");
        using RunDirectory directory = RunDirectory.Open(run);
        DataOptions options = directory.ReadRecipe().Data;
        if (options.Test is not { } test) throw new ArgumentException($"The recipe of {run} has no test data; give --data PATH.");
        return new Source(kind ?? options.Kind, test, root ?? options.Clip.TestRoot ?? options.Clip.Root,
            options.Missing == MissingItems.LeaveOut, options.Damaged == MissingItems.LeaveOut);
    }

    private static LabelledDataset Open(Source test, Predictor predictor, string? labelColumn)
    {
        if (test.Kind != DataOptions.Auto && DatasetSource.ClipKinds.Contains(test.Kind) != predictor.ReadsClips)
            throw new ArgumentException(
                $"--kind {test.Kind} has {(predictor.ReadsClips ? "pictures" : "clips")}, and the model reads "
                    + $"{(predictor.ReadsClips ? "clips" : "pictures")}.");
        bool clips = predictor.ReadsClips;
        if (clips && labelColumn is not null)
            throw new ArgumentException(
                "--label-column is for lists of pictures; a list of clips has the columns clip and label, or class.");
        if (!clips && test.Root is not null) throw new ArgumentException("--root is for lists of clips; the model reads pictures.");
        if (labelColumn is not null) return ManifestDataset.Open(test.Path, predictor.Labels, labelColumn);
        LabelledDataset items = DatasetSource.Open($"{test.Kind}:{test.Path}", train: false, predictor.Labels, test.Root, clips);
        if (test.LeaveMissingOut) items = DatasetSplits.WithoutMissing(items);
        return test.LeaveDamagedOut ? DatasetCheck.WithoutDamaged(items) : items;
    }

    /// <summary>What is to be answered.</summary>
    /// <param name="Kind">Layout.</param>
    /// <param name="Path">File or folder.</param>
    /// <param name="Root">Folder that the paths of a list of clips are relative to; that of the list if null.</param>
    /// <param name="LeaveMissingOut">Whether what is not there is left out, as the run's recipe says, and not counted as wrong.</param>
    /// <param name="LeaveDamagedOut">The same for what cannot be read.</param>
    private sealed record Source(string Kind, string Path, string? Root, bool LeaveMissingOut, bool LeaveDamagedOut);
}
