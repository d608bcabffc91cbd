using System.Text.Json;

namespace AdaptFormer.Export;

/// <summary>Programs that run an exported file, ready to be copied, with the names of the file itself.</summary>
public static class ReadyCode
{
    private const int FewLabels = 24;

    /// <summary>C# with the package <c>AdaptFormer.Onnx</c>.</summary>
    public static string CSharp(OnnxReport report)
    {
        string task = report.Card.Tasks.Count > 1 ? $", task: \"{Output(report)}\"" : "";
        return report.Card.SelfTest.Shape.Count == 4
            ? $$"""
            // dotnet add package AdaptFormer.Onnx
            using AdaptFormer.Inference;
            using AdaptFormer.Onnx;

            using OnnxPredictor predictor = OnnxPredictor.Open("{{File(report)}}"{{task}});
            foreach (ClassScore score in predictor.Predict("picture.jpg", topK: 3))
                Console.WriteLine($"{score.Label} {score.Probability:0.000}");
            """
            : $$"""
            // dotnet add package AdaptFormer.Onnx
            using AdaptFormer.Onnx;

            using OnnxModel model = OnnxModel.Open("{{File(report)}}");
            model.CheckAnswer();      // the self-test
            float[] logits = model.Run(numbers, [{{Axes(report)}}])["{{Output(report)}}"];      // {{What(report)}}
            """;
    }

    /// <summary>JavaScript with onnxruntime-node, and sharp to decode the picture.</summary>
    public static string JavaScript(OnnxReport report)
    {
        IReadOnlyList<string> labels = report.Card.Tasks[0].Labels;
        string names = JsonSerializer.Serialize([.. labels], OnnxJson.Default.StringArray);
        string best = labels.Count > FewLabels ? "best" : $"{names}[best]";
        string element = report.Card.Input == OnnxNames.Pixels ? "float32" : "uint8";
        string input = report.Card.Input == OnnxNames.Image
            ? $$"""
              const { data, info } = await sharp('picture.jpg'){{(IsTurned(report) ? ".rotate()" : "")}}.removeAlpha().toColourspace('srgb')
                .raw().toBuffer({ resolveWithObject: true });
              const input = new ort.Tensor('uint8', new Uint8Array(data), [1, info.height, info.width, 3]);
            """
            : $"  const input = new ort.Tensor('{element}', numbers, [{Axes(report)}]);      // {What(report)}";
        return $$"""
            // npm install onnxruntime-node sharp
            const ort = require('onnxruntime-node');
            const sharp = require('sharp');

            (async () => {
              const session = await ort.InferenceSession.create('{{File(report)}}');
            {{input}}
              const logits = (await session.run({ {{report.Card.Input}}: input }))['{{Output(report)}}'].data;
              const best = logits.indexOf(Math.max(...logits));
              console.log({{best}});
            })();
            """;
    }

    /// <summary>Python with onnxruntime, and Pillow to decode the picture.</summary>
    public static string Python(OnnxReport report)
    {
        string turned = IsTurned(report) ? "ImageOps.exif_transpose(Image.open(\"picture.jpg\"))" : "Image.open(\"picture.jpg\")";
        string input = report.Card.Input == OnnxNames.Image
            ? $"numbers = np.asarray({turned}.convert(\"RGB\"))[None]"
            : $"numbers = ...      # [{Axes(report)}], {What(report)}";
        return $$"""
            # pip install onnxruntime pillow numpy
            import json, numpy as np, onnxruntime as ort
            from PIL import Image, ImageOps

            session = ort.InferenceSession("{{File(report)}}")
            card = json.loads(session.get_modelmeta().custom_metadata_map["{{OnnxNames.Card}}"])
            {{input}}
            logits = session.run(["{{Output(report)}}"], {"{{report.Card.Input}}": numbers})[0][0]
            print(card["tasks"][0]["labels"][int(logits.argmax())])
            """;
    }

    private static string File(OnnxReport report) => Path.GetFileName(report.Path);

    private static string Output(OnnxReport report) => report.Card.Tasks[0].Output;

    private static bool IsTurned(OnnxReport report) => report.Card.Preprocessing.TurnsPictures;

    private static string What(OnnxReport report) => report.Card.Input == OnnxNames.Pixels
        ? $"f32: {report.Card.Preprocessing}"
        : "RGB bytes of the frames, row by row";

    private static string Axes(OnnxReport report) => report.Card.Input == OnnxNames.Pixels
        ? string.Join(", ", report.Card.SelfTest.Shape)
        : $"1, {report.Card.SelfTest.Shape[1]}, height, width, 3";
}
