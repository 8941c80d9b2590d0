"""Draws one small picture with the back end that ``MUJOCO_GL`` names, and prints who drew it as one line of JSON.

Run by `harness.envs.gl` as ``python -m harness.envs.gl_probe``.
"""

from __future__ import annotations

import json

# A red box in front of a black background: a working renderer leaves both in the picture.
_SCENE = """
<mujoco>
  <worldbody>
    <light pos="0 0 3" dir="0 0 -1"/>
    <camera name="above" pos="0 0 2"/>
    <geom type="box" size=".3 .3 .1" rgba="1 0 0 1"/>
  </worldbody>
</mujoco>
"""
_SIZE_PX = 64


def draw() -> dict[str, str]:
    """Draws the scene; returns ``renderer``, ``vendor`` and ``version``, or ``error`` when the picture is blank."""
    import mujoco
    from OpenGL import GL

    model = mujoco.MjModel.from_xml_string(_SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with mujoco.Renderer(model, height=_SIZE_PX, width=_SIZE_PX) as renderer:
        renderer.update_scene(data, camera="above")
        picture = renderer.render()
        names = {"renderer": GL.GL_RENDERER, "vendor": GL.GL_VENDOR, "version": GL.GL_VERSION}
        answer = {name: GL.glGetString(constant).decode() for name, constant in names.items()}
    centre, corner = picture[_SIZE_PX // 2, _SIZE_PX // 2].tolist(), picture[0, 0].tolist()
    # The box is red also where it shines: out of 255, red leads by 150 with Mesa, and the background is 0.
    if centre[0] < max(centre[1:]) + 50 or max(corner) > 50:
        return {"error": f"{answer['renderer']} drew a wrong picture: its centre is {centre}, its corner {corner}"}
    return answer


def main() -> None:
    """Prints what `draw` finds as the last line of the output, whatever goes wrong."""
    try:
        answer = draw()
    except Exception as error:  # missing libraries, drivers and displays show as errors of every kind
        answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
