using System.Text.Json;

namespace AdaptFormer.Export;

/// <summary>Programs that run an exported file, ready to be copied, with the names of the file itself: each prints the best classes and
/// their probabilities, as <c>predict</c> does.</summary>
public static class ReadyCode
{
    private const int Shown = 3, ExampleHeight = 240, ExampleWidth = 320;

    /// <summary>C# with the package <c>AdaptFormer.Onnx</c>, which prepares pictures and clips by itself.</summary>
    public static string CSharp(OnnxReport report)
    {
        string task = report.Card.Tasks.Count > 1 ? $", task: {Output(report)}" : "";
        string open = $"using OnnxPredictor predictor = OnnxPredictor.Open({File(report)}{task});";
        if (!IsOfClips(report))
            return $$"""
                // dotnet add package AdaptFormer.Onnx
                using AdaptFormer.Inference;
                using AdaptFormer.Onnx;

                {{open}}
                foreach (ClassScore score in predictor.Predict("picture.jpg", topK: {{Shown}}))
                    Console.WriteLine($"{score.Label} {score.Probability:0.000}");
                """;
        return IsOfOnePlace(report)
            ? $$"""
            // dotnet add package AdaptFormer.Onnx
            using AdaptFormer.Data.Datasets;
            using AdaptFormer.Inference;
            using AdaptFormer.Onnx;

            {{open}}
            foreach (Prediction clip in predictor.Predict(UnlabelledDataset.Of(["clip.mp4"], clips: true), topK: {{Shown}}))
            {
                foreach (ClassScore score in clip.Classes) Console.WriteLine($"{score.Label} {score.Probability:0.000}");
            }
            """
            : $$"""
            // dotnet add package AdaptFormer.Onnx
            using AdaptFormer.Onnx;

            using OnnxModel model = OnnxModel.Open({{File(report)}});
            model.CheckAnswer();      // the self-test
            (int height, int width) = ({{ExampleHeight}}, {{ExampleWidth}});
            byte[] numbers = new byte[{{Count(report)}}];      // {{What(report)}}
            float[] logits = model.Run(numbers, [{{Axes(report)}}])[{{Output(report)}}];
            int best = Array.IndexOf(logits, logits.Max());
            Console.WriteLine(model.Card.Tasks[0].Labels[best]);
            """;
    }

    /// <summary>JavaScript with onnxruntime-node, and sharp to decode the picture.</summary>
    public static string JavaScript(OnnxReport report)
    {
        bool isImage = report.Card.Input == OnnxNames.Image;
        string sharp = isImage ? "\nconst sharp = require('sharp');" : "";
        string type = report.Card.Input == OnnxNames.Pixels ? "Float32Array" : "Uint8Array";
        string element = report.Card.Input == OnnxNames.Pixels ? "float32" : "uint8";
        string input = isImage
            ? $$"""
              const { data, info } = await sharp('picture.jpg'){{(IsTurned(report) ? ".rotate()" : "")}}.removeAlpha().toColourspace('srgb')
                .raw().toBuffer({ resolveWithObject: true });
              const input = new ort.Tensor('uint8', new Uint8Array(data), [1, info.height, info.width, 3]);
            """
            : $$"""
            {{(IsOfSizes(report) ? $"  const [height, width] = [{ExampleHeight}, {ExampleWidth}];\n" : "")}}  // {{What(report)}}
              const numbers = new {{type}}({{Count(report)}});
              const input = new ort.Tensor('{{element}}', numbers, [{{Axes(report)}}]);
            """;
        string probabilities = report.Card.Tasks[0].MultiLabel
            ? "  const probabilities = logits.map(z => 1 / (1 + Math.exp(-z)));"
            : """
              const most = Math.max(...logits), powers = logits.map(z => Math.exp(z - most));
              const probabilities = powers.map(power => power / powers.reduce((sum, one) => sum + one));
            """;
        return $$"""
            // npm install onnxruntime-node{{(isImage ? " sharp" : "")}}
            const fs = require('fs');
            const ort = require('onnxruntime-node');{{sharp}}

            // What the file says about itself: classes, preparation of pictures, self-test.
            function cardOf(file) {
              const bytes = fs.readFileSync(file);
              let at = bytes.lastIndexOf('\n\x0b{{OnnxNames.Card}}\x12') + 14, length = 0;
              for (let unit = 1; ; unit *= 128) {
                length += (bytes[at] & 127) * unit;
                if (bytes[at++] < 128) return JSON.parse(bytes.subarray(at, at + length));
              }
            }

            (async () => {
              const session = await ort.InferenceSession.create({{File(report)}});
              const { labels } = cardOf({{File(report)}}).tasks[0];
            {{input}}
              const answers = await session.run({ {{report.Card.Input}}: input }, [{{Output(report)}}]);
              const logits = Array.from(answers[{{Output(report)}}].data);
            {{probabilities}}
              const best = labels.map((label, k) => [label, probabilities[k]]).sort((a, b) => b[1] - a[1]);
              for (const [label, probability] of best.slice(0, {{Shown}})) console.log(`${label} ${probability.toFixed(3)}`);
            })();
            """;
    }

    /// <summary>Python with onnxruntime, and Pillow to decode the picture.</summary>
    public static string Python(OnnxReport report)
    {
        bool isImage = report.Card.Input == OnnxNames.Image;
        string turned = IsTurned(report) ? "ImageOps.exif_transpose(Image.open(\"picture.jpg\"))" : "Image.open(\"picture.jpg\")";
        string element = report.Card.Input == OnnxNames.Pixels ? "float32" : "uint8";
        string input = isImage ? $"numbers = np.asarray({turned}.convert(\"RGB\"))[None]"
            : $"{(IsOfSizes(report) ? $"height, width = {ExampleHeight}, {ExampleWidth}\n" : "")}"
                + $"numbers = np.zeros([{Axes(report)}], np.{element})      # {What(report)}";
        string probabilities = report.Card.Tasks[0].MultiLabel ? "probabilities = 1 / (1 + np.exp(-logits))"
            : "powers = np.exp(logits - logits.max())\nprobabilities = powers / powers.sum()";
        return $$"""
            # pip install onnxruntime {{(isImage ? "pillow " : "")}}numpy
            import json, numpy as np, onnxruntime as ort
            {{(isImage ? "from PIL import Image, ImageOps\n" : "")}}
            session = ort.InferenceSession({{File(report)}})
            card = json.loads(session.get_modelmeta().custom_metadata_map["{{OnnxNames.Card}}"])
            {{input}}
            logits = session.run([{{Output(report)}}], {"{{report.Card.Input}}": numbers})[0][0]
            {{probabilities}}
            for k in probabilities.argsort()[::-1][:{{Shown}}]:
                print(card["tasks"][0]["labels"][k], f"{probabilities[k]:.3f}")
            """;
    }

    private static string File(OnnxReport report) => Literal(Path.GetFileName(report.Path));

    private static string Output(OnnxReport report) => Literal(report.Card.Tasks[0].Output);

    /// <summary>A text as all three languages write it.</summary>
    private static string Literal(string text) => JsonSerializer.Serialize(text, OnnxJson.Default.String);

    private static bool IsTurned(OnnxReport report) => report.Card.Preprocessing.TurnsPictures;

    private static bool IsOfClips(OnnxReport report) => report.Card.SelfTest.Shape.Count == 5;

    /// <summary>Whether the file sees of a clip all that the model is scored by.</summary>
    private static bool IsOfOnePlace(OnnxReport report) =>
        report.Card.Input == OnnxNames.Pixels || report.Card.Preprocessing.Clips is not { Crops: > 1 };

    /// <summary>Whether the caller chooses height and width.</summary>
    private static bool IsOfSizes(OnnxReport report) => report.Card.Input != OnnxNames.Pixels;

    private static string What(OnnxReport report) => report.Card.Input == OnnxNames.Pixels
        ? $"yours, prepared: {report.Card.Preprocessing}"
        : "yours: RGB bytes of the frames, row by row";

    private static string Axes(OnnxReport report) => string.Join(", ", Dims(report));

    private static string Count(OnnxReport report) => string.Join(" * ", Dims(report));

    private static IEnumerable<string> Dims(OnnxReport report) => report.Card.Input == OnnxNames.Pixels
        ? report.Card.SelfTest.Shape.Select(axis => $"{axis}")
        : ["1", $"{report.Card.SelfTest.Shape[1]}", "height", "width", "3"];
}
