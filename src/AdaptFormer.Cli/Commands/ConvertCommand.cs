using System.CommandLine;
using System.Globalization;
using AdaptFormer.Cli.Output;
using AdaptFormer.Data.Datasets;
using AdaptFormer.Files;
using AdaptFormer.Models;
using AdaptFormer.Models.Checkpoints;
using AdaptFormer.Peft;
using AdaptFormer.Tensors;

namespace AdaptFormer.Cli.Commands;

/// <summary><c>adaptformer convert</c>: checkpoints from one project's names to another's, and adapters from and to the authors'
/// code.</summary>
internal static class ConvertCommand
{
    private const string ToAdapter = "adapter";

    public static Command Create(Screen screen)
    {
        Argument<string> source = new("source")
        { Description = "A weights file, a folder with one, an adapter file, or the folder of the run that made it." };
        Argument<string> target = new("target") { Description = "The safetensors file to write." };
        Option<string> to = new("--to")
        {
            Description = $"Names to write: {string.Join(", ", NameMaps.Known)}; adapter makes an adapter file of a checkpoint of the "
                + "authors' code or of an adapter file (--bits).",
            HelpName = "naming",
            Required = true,
        };
        Option<string> prefix = new("--prefix")
        {
            Description = "Which model of a source that holds several: what stands ahead of its names, or its key, for example model_ema.",
            HelpName = "text",
        };
        Option<string> backbone = new("--backbone")
        { Description = "The backbone's weights, to convert from or to an adapter file.", HelpName = "file" };
        Option<string> model = new("--model")
        { Description = "The backbone's id; its statistics go into the adapter file.", HelpName = "id" };
        Option<string> preset = new("--preset")
        {
            Description = "What shapes cannot tell of an adapter (scale, position): " + string.Join(", ", AdaptFormerTuning.Presets.Keys)
                + ".",
            HelpName = "name",
        };
        Option<string> labels = new("--labels")
        { Description = "A file with one class name a line, for the adapter file; numbers if left out.", HelpName = "file" };
        Option<bool> float16 = new("--float16")
        {
            Description = "Store 16-bit floats, when a backbone is made of a fully tuned model (an adapter file of full tuning, --to "
                + "timm) or with --merge.",
        };
        Option<bool> merge = new("--merge")
        {
            Description = "Fold an adapter (lora, ssf, bitfit, norm, linear) into its backbone: a plain model with a linear head, which "
                + "any program can run.",
        };
        Option<int?> bits = new("--bits")
        {
            Description = "Store an adapter file's matrices in so many bits a number, with --to adapter: "
                + $"{string.Join(", ", AdapterPacking.Choices)}. It is read like any other; what it costs in accuracy, eval says.",
            HelpName = "n",
        };
        to.Offer([.. NameMaps.Known, ToAdapter], "naming");
        model.OfferModels();
        preset.Offer(AdaptFormerTuning.Presets.Keys, "name");
        FileCommand command = new("convert", "Rewrite a checkpoint under another project's names.") { source, target, to, prefix, backbone,
            model, preset, labels, float16, merge, bits };
        command.SetAction(parsed =>
        {
            (string from, string into, string naming) =
                (RunPlace.WeightsAt(parsed.GetValue(source)!), parsed.GetValue(target)!, parsed.GetValue(to)!);
            bool isAdapter = File.Exists(from) && AdapterFile.IsAdapter(from);
            if (parsed.GetValue(bits) is { } count)
            {
                if (!File.Exists(from)) throw new FileNotFoundException($"{from}: there is no such file.", from);
                if (naming != ToAdapter || !isAdapter)
                    throw new ArgumentException("convert: --bits goes with an adapter file and --to adapter"
                        + $"{(isAdapter ? "" : $", and {from} is no adapter file")}.");
                return Pack(screen, from, into, parsed.GetValue(backbone), count);
            }

            if (naming == ToAdapter && isAdapter)
                throw new ArgumentException($"convert: {from} is an adapter file already; --bits stores it in fewer bits.");
            if (naming == ToAdapter) return Import(screen, from, into, Backbone(), parsed.GetValue(preset), parsed.GetValue(labels));
            NameMap names = NameMaps.Get(naming);
            if (parsed.GetValue(merge))
            {
                if (!isAdapter)
                    throw new ArgumentException($"convert: --merge folds an adapter file into its backbone, and {from} is none.");
                return Merge(screen, from, into, parsed.GetValue(backbone), names, parsed.GetValue(float16)
                    ? FileDataType.Float16 : FileDataType.Float32);
            }

            if (isAdapter && names == NameMaps.Timm && parsed.GetValue(backbone) is null)
                return MakeBackbone(screen, from, into, parsed.GetValue(float16) ? FileDataType.Float16 : FileDataType.Float32);
            if (parsed.GetValue(float16))
                throw new ArgumentException("convert: --float16 goes with --merge, or with an adapter file of full tuning and --to timm.");
            if (isAdapter) return Export(screen, from, into, Backbone(), names);
            ConversionReport report = CheckpointConverter.Convert(from, into, names, parsed.GetValue(prefix));
            screen.Line($"{into}: {report.Tensors} tensors, from {report.From} "
                + $"names{(report.Wrapper.Length > 0 ? $" under '{report.Wrapper}'" : "")} to {report.To} names");
            foreach (string note in report.Notes) screen.Warn($"{from}: {note}.");
            if (report.LeftOut.Count > 0)
                screen.Warn($"not written, because it is no part of the backbone: {string.Join(", ", report.LeftOut)}");
            return 0;

            Backbone Backbone() => parsed.GetValue(backbone) is { } path
                ? BackboneLoader.Open(path, new BackboneOptions(Id: parsed.GetValue(model), KeepHead: false))
                : throw NoBackbone();
        });
        return command;
    }

    private static int Import(Screen screen, string from, string into, Backbone backbone, string? preset, string? labels)
    {
        using Backbone model = backbone;
        AdaptFormerTuning? given = null;
        if (preset is not null && !AdaptFormerTuning.Presets.TryGetValue(preset, out given))
            throw new ArgumentException($"{Spelling.Unknown("--preset", preset, [.. AdaptFormerTuning.Presets.Keys])}.");
        Tuning tuning = OfficialCheckpoint.Import(from, model, given);
        string[] names = labels is null
            ? [.. Enumerable.Range(0, model.Head!.Classes).Select(i => $"{i}")] : [.. ListFile.AllLines(labels)];
        AdapterInfo info = AdapterFile.Save(into, model, tuning, names);
        screen.Line($"{into}: {tuning.Method}, {Format.Count(info.Parameters)} parameters, {info.Labels.Count} classes, "
            + $"{Format.Bytes(info.FileBytes)}");
        screen.Line($"Formula: {tuning.Formula}");
        return 0;
    }

    private static int Pack(Screen screen, string from, string into, string? backbone, int bits)
    {
        if (!AdapterPacking.Choices.Contains(bits))
            throw new ArgumentException($"--bits {bits}: possible are {string.Join(", ", AdapterPacking.Choices)}.");
        AdapterInfo old = AdapterFile.Open(from);
        using Backbone model = OpenFor(old, backbone, PrecisionChoice.Named(old.SelfTest.Precision).Compute());
        AdapterInfo info = AdapterPacking.Pack(from, into, model, bits);
        double change = old.SelfTest.Logits.Zip(info.SelfTest.Logits, (before, after) => Math.Abs(before - after)).Max();
        screen.Line($"{into}: {info.Tuning.Method}, {Format.Count(info.Parameters)} parameters in {bits} "
            + $"{(bits == 1 ? "bit" : "bits")} each, {info.Labels.Count} classes, {Format.Bytes(info.FileBytes)} in place of "
            + $"{Format.Bytes(old.FileBytes)}");
        screen.Line(string.Create(CultureInfo.InvariantCulture,
            $"Its self-test's logits move by {change:G3} at most, where they reach {old.SelfTest.Logits.Max(Math.Abs):G3}."));
        return 0;
    }

    /// <summary>The backbone that an adapter was trained on.</summary>
    private static Backbone OpenFor(AdapterInfo info, string? backbone, DataType compute) => BackboneLoader.Open(
        backbone ?? throw NoBackbone(), new BackboneOptions(
            info.Backbone.Id, BackboneConfig.FromJson(info.Backbone.Config, info.Path), Compute: compute, KeepHead: false));

    private static int MakeBackbone(Screen screen, string from, string into, FileDataType type)
    {
        AdapterInfo info = TunedBackbone.Export(from, into, type);
        screen.Line($"{into}: {info.Backbone.Id} without its head, {Format.Bytes(new FileInfo(into).Length)}, as {type.SafetensorsName()}");
        return 0;
    }

    private static int Merge(Screen screen, string from, string into, string? backbone, NameMap names, FileDataType type)
    {
        using Backbone model = OpenFor(AdapterFile.Open(from), backbone, DataType.Float32);
        AdapterInfo info = TunedBackbone.Merge(from, model, into, names, type);
        screen.Line($"{into}: {info.Backbone.Id} with {info.Tuning.Method} and a linear head of {info.Labels.Count} classes, "
            + $"{Format.Bytes(new FileInfo(into).Length)}, as {type.SafetensorsName()}");
        return 0;
    }

    private static ArgumentException NoBackbone() =>
        new("convert: an adapter needs the backbone that it was trained on; give it with --backbone FILE.");

    private static int Export(Screen screen, string from, string into, Backbone backbone, NameMap names)
    {
        using Backbone model = backbone;
        if (names != NameMaps.OfficialAdaptFormer)
            throw new ArgumentException("convert: an adapter can be written under the names of the authors' code only: --to adaptformer.");
        AdapterInfo info = AdapterFile.Load(from, model);
        OfficialCheckpoint.Export(into, model, info.Tuning, wholeModel: true);
        screen.Line($"{into}: {info.Tuning.Method} with its backbone, under the names of the authors' code");
        return 0;
    }
}
